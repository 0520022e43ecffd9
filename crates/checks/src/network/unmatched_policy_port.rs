//! PV-N028.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{Direction, Seen, rules, wrong_type};
use super::selection::Selection;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// NetworkPolicies that allow a port by a name which no selected pod has.
///
/// ## Why
/// A port's name is looked up in the containers of the pods. One that is misspelt or renamed
/// matches nothing: what the rule was written for is closed, and sooner or later somebody opens
/// everything.
///
/// ## Fix
/// Use the name under `containers[].ports[].name`, or the port's number.
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
        // Names in rules for outgoing traffic are those of pods elsewhere.
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
                Claim::unknown(*place, "which pods the policy selects is not certain")
            } else {
                Claim::fails(
                    *place,
                    format!(
                        "no container of the pods that it selects has a {protocol} port named \
                         `{name}`: this allows nothing"
                    ),
                )
            })
        });
        if let Some(why) = refused.as_ref().filter(|_| !selection.any) {
            return Verdict::unknown(*first, why.clone());
        }
        if !selection.any {
            // PV-N004 speaks of policies that select nothing.
            return match maybe {
                false => Verdict::NotApplicable,
                true => Verdict::unknown(*first, "which pods the policy selects is not certain"),
            };
        }
        Verdict::from_claims(claims)
    }
}

/// Ports of sidecars that a mesh puts into pods.
fn is_injected(name: &str) -> bool {
    name.starts_with("linkerd-") || name.starts_with("http-envoy") || name.starts_with("status-p")
}
