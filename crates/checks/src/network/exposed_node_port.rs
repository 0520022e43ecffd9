//! PV-N006.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::load_balancer::{Reach, source_ranges};
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Service exposes a node port
///
/// ## Why
/// A node port is open on all addresses of all nodes and bypasses load balancers and their source
/// ranges: anyone who can reach a node can reach the pods.
///
/// ## Fix
/// Use `type: ClusterIP` behind an Ingress or a Gateway. For a load balancer that routes to pods
/// directly, set `allocateLoadBalancerNodePorts: false` and do not set `nodePort`.
#[check(id = "PV-N006", severity = Medium, scope = Object, on = [SERVICE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedNodePort {}

impl Check for ExposedNodePort {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let (name, kind) = match text(service.value(), &["spec", "type"]) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::Holds,
            Err(wrong) => return wrong.into(),
        };
        let ports = service.at(&["spec", "ports"]).into_iter().flat_map(Value::items);
        let numbers: Vec<_> = ports
            .filter_map(|port| port.get("nodePort")?.as_i64())
            .filter(|number| *number != 0)
            .map(|number| format!("`{number}`"))
            .collect();
        match name {
            "NodePort" => {
                let message = match numbers.is_empty() {
                    true => {
                        "every node opens a port for this Service on all its addresses".to_owned()
                    }
                    false => format!(
                        "every node opens port {} for this Service on all its addresses",
                        numbers.join(", ")
                    ),
                };
                Verdict::fails(kind, message)
            }
            // kube-proxy does not apply the ranges to node ports.
            "LoadBalancer" if matches!(source_ranges(service), Reach::Limited) => {
                let allocates = service.at(&["spec", "allocateLoadBalancerNodePorts"]);
                let by_itself = allocates.and_then(Value::as_bool) != Some(false);
                // A port requested by number is opened anyway.
                if !by_itself && numbers.is_empty() {
                    return Verdict::Holds;
                }
                let which = match by_itself {
                    true => "the ports that every node opens for it".to_owned(),
                    false => format!("port {}, which every node opens for it", numbers.join(", ")),
                };
                let message =
                    format!("the source ranges of the load balancer do not apply to {which}");
                Claim::fails(kind, message).severity(Severity::Low).into()
            }
            // Another check evaluates open load balancers.
            "LoadBalancer" => Verdict::NotApplicable,
            _ => Verdict::Holds,
        }
    }
}
