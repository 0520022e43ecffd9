//! PV-N055.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Pod;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::on_host_network;
use super::service_index::{Selecting, has_external_ips};
use crate::fragment::is_fragment;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Workload is reachable from outside the cluster
///
/// ## Why
/// Workloads that are reachable from outside are attacked first. This is not a defect by itself: it
/// lists the workloads for which other findings matter most.
///
/// ## Fix
/// If no external access is needed, use a `ClusterIP` Service, and remove `externalIPs`,
/// `hostPort`, and the Ingress or route.
#[check(
    id = "PV-N055",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [
        SERVICE,
        ..ENTRIES,
        ..ISTIO_ROUTES,
        ..WORKLOADS,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedWorkload {}

impl Check for ExposedWorkload {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if is_fragment(pod.object()) {
            return Verdict::NotApplicable;
        }
        let place = Place::from(pod.object().at(&["metadata", "name"]).unwrap_or(pod.spec()));
        let services = Selecting::of(pod, cx);
        if let Some(service) = services.open {
            let name = service.name();
            let message = match service.at(&["spec", "type"]).and_then(Value::as_str) {
                _ if has_external_ips(service) => {
                    format!("Service `{name}` with `externalIPs` exposes these pods")
                }
                kind => {
                    let kind = kind.unwrap_or_default();
                    format!("Service `{name}` of type {kind} exposes these pods")
                }
            };
            return Claim::fails(place, message).evidence(name).into();
        }
        if let Some(port) = node_port(pod) {
            let message = format!("host port {port} exposes these pods");
            return Claim::fails(place, message).evidence(port.to_string()).into();
        }
        if let Some((kind, name)) = services.routed {
            let message = format!("{kind} `{name}` exposes these pods");
            return Claim::fails(place, message).evidence(kind).evidence(name).into();
        }
        if let Some(why) = services.unknown {
            return Verdict::unknown(place, why);
        }
        let read = [kinds::SERVICE].iter().chain(kinds::ENTRIES).chain(kinds::ISTIO_ROUTES);
        let gap = read.into_iter().find_map(|kind| cx.gap(*kind));
        match (gap, services.unsure) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Some(service)) => Verdict::unknown(
                place,
                format!("it is not known whether Service `{}` selects these pods", service.name()),
            ),
            (None, None) if on_host_network(pod) => Verdict::unknown(
                place,
                "they use the network of their node, and the program decides on which addresses \
                 it listens",
            ),
            (None, None) => Verdict::Holds,
        }
    }
}

/// Returns a host port of the pod. On the host network, the API server sets it for every port, so
/// it has no meaning.
fn node_port(pod: Pod<'_>) -> Option<i64> {
    if on_host_network(pod) {
        return None;
    }
    let ports = pod.containers().flat_map(|container| container.value().list("ports"));
    ports.filter_map(|port| port.get("hostPort")?.as_i64()).find(|number| *number != 0)
}
