//! PV-N028.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{Direction, Seen, rules, wrong_type};
use super::selection::Selection;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

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
        if let Some(wrong) = wrong_type(policy) {
            return wrong.into();
        }
        // Named ports in egress rules refer to other pods.
        let ports = rules(policy, Direction::Ingress).flat_map(|rule| rule.list("ports"));
        let named: Vec<_> = ports
            .filter_map(|port| {
                let name = port.get("port")?;
                Some((name, name.as_str()?, port.str("protocol").unwrap_or("TCP")))
            })
            .collect();
        let Some((first, ..)) = named.first() else { return Verdict::NotApplicable };
        let selection = match Selection::of(policy, cx) {
            Ok(selection) => selection,
            Err(error) => {
                let place = Place::field(policy.value(), &["spec", "podSelector"]);
                return Verdict::unknown(place, error);
            }
        };
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
