//! PV-N055.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Pod, Selector, Selects};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::backend::Entries;
use super::policy::{near, on_host_network, selects};
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
        let namespace = pod.object().namespace();
        let services = near(kinds::SERVICE, namespace, cx);
        let (mut selecting, mut unsure) = (Vec::new(), None);
        for service in services.objects.iter().copied() {
            let labels = service.at(&["spec", "selector"]).filter(|s| s.entries().next().is_some());
            let Some(selector) = labels.and_then(|labels| Selector::labels(labels).ok()) else {
                continue;
            };
            match selects(Some(&selector), service.namespace(), pod) {
                Selects::Yes => selecting.push(service),
                Selects::Maybe => unsure = Some(service.name()),
                Selects::No => {}
            }
        }
        for service in &selecting {
            let kind = service.at(&["spec", "type"]).and_then(Value::as_str).unwrap_or("");
            let addresses = service.at(&["spec", "externalIPs"]).into_iter().flat_map(Value::items);
            if kind != "ExternalName" && addresses.into_iter().next().is_some() {
                let message =
                    format!("Service `{}` with `externalIPs` exposes these pods", service.name());
                return Claim::fails(place, message).evidence(service.name()).into();
            }
            if matches!(kind, "NodePort" | "LoadBalancer") {
                let message =
                    format!("Service `{}` of type {kind} exposes these pods", service.name());
                return Claim::fails(place, message).evidence(service.name()).into();
            }
        }
        if let Some(port) = node_port(pod) {
            let message = format!("host port {port} exposes these pods");
            return Claim::fails(place, message).evidence(port.to_string()).into();
        }
        let entries = cx.derive::<Entries>();
        for service in &selecting {
            if let Some((kind, name)) = entries.to(service) {
                let message = format!("{kind} `{name}` exposes these pods");
                return Claim::fails(place, message).evidence(kind).evidence(name).into();
            }
        }
        if let Some(why) = selecting.iter().find_map(|service| entries.unknown(service)) {
            return Verdict::unknown(place, why.clone());
        }
        let gap = kinds::ENTRIES.iter().chain(kinds::ISTIO_ROUTES).find_map(|kind| cx.gap(*kind));
        match (services.gap().or(gap), unsure) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Some(name)) => Verdict::unknown(
                place,
                format!("it is not known whether Service `{name}` selects these pods"),
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
