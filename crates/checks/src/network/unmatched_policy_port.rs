//! PV-N028.

use pavisade_macros::check;
use pavisade_netpol::{Direction, Policy, Protocol, Rule};
use pavisade_snapshot::Object;
use pavisade_yaml::NodeId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::Seen;
use super::rule::at;
use super::selection::Selection;
use super::subject::{rules, wrong};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// NetworkPolicy uses an unknown port name
///
/// ## Why
/// The name of a port is looked up in the containers of the pods. A misspelled or renamed port
/// matches nothing, so the traffic that the rule should allow is blocked, and sooner or later
/// someone allows everything.
///
/// ## Fix
/// Use a name from `containers[].ports[].name`, or the port number.
#[check(
    id = "PV-N028",
    severity = Low,
    confidence = Medium,
    scope = Related,
    on = [NETWORK_POLICY],
    reads = [..WORKLOADS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnmatchedPolicyPort {}

impl Check for UnmatchedPolicyPort {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let read = Policy::network(policy, "");
        if let Some(wrong) = wrong(policy, &read) {
            return wrong.into();
        }
        // Named ports in egress rules refer to other pods.
        let of_rule = |rule: &Rule| -> Vec<_> {
            let named = rule.ports.named.iter().zip(&rule.named_at);
            let of = |((name, protocol), place): (&(String, Option<Protocol>), &NodeId)| {
                let protocol = protocol.unwrap_or(Protocol::Tcp).name();
                (at(policy, *place), name.clone(), protocol)
            };
            named.map(of).collect()
        };
        let named: Vec<_> = rules(&read, Direction::Ingress).iter().flat_map(of_rule).collect();
        let Some((first, ..)) = named.first() else { return Verdict::NotApplicable };
        let selection = Selection::of(&read, cx);
        let (refused, maybe) = (Seen::of(cx).refused, selection.maybe_off_host);
        let claims = named.iter().filter_map(|(place, name, protocol)| {
            if selection.has_port(name, protocol) || is_injected(name) {
                return None;
            }
            Some(if let Some(why) = &refused {
                Claim::unknown(*place, why.clone())
            } else if maybe {
                Claim::unknown(*place, "it is not known which pods the policy selects")
            } else {
                Claim::fails(
                    *place,
                    format!(
                        "no container of the selected pods has a {protocol} port named `{name}`, \
                         so this allows nothing"
                    ),
                )
            })
        });
        if let Some(why) = refused.as_ref().filter(|_| !selection.any) {
            return Verdict::unknown(*first, why.clone());
        }
        if !selection.any {
            // PV-N004 reports policies that select nothing.
            return match maybe {
                false => Verdict::NotApplicable,
                true => Verdict::unknown(*first, "it is not known which pods the policy selects"),
            };
        }
        Verdict::from_claims(claims)
    }
}

/// Whether it is the port of an injected sidecar of a mesh.
fn is_injected(name: &str) -> bool {
    name.starts_with("linkerd-") || name.starts_with("http-envoy") || name.starts_with("status-p")
}
