//! PV-N058.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::Direction;
use super::rule::{allows_anybody, block, peers, unreadable};
use crate::field::{is_empty_selector, list, map, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Sandboxes for code of agents that reach the internet or everything around them.
///
/// ## Why
/// What runs in a sandbox was written by a model, often from texts of strangers. Where it may
/// connect anywhere, it carries out what it was given, and loads what it is told to.
///
/// ## Fix
/// Set `networkPolicyManagement: Managed` and a `networkPolicy` whose `egress` names the hosts'
/// addresses and pods that the sandbox needs; an empty one lets nothing out.
#[check(
    id = "PV-N058",
    severity = Medium,
    audience = Strict,
    scope = Object,
    on = [SANDBOX_TEMPLATE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenSandboxEgress {}

impl Check for OpenSandboxEgress {
    type On = OnObject;

    fn check<'a>(&self, template: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match text(template.value(), &["spec", "networkPolicyManagement"]) {
            Ok(None | Some(("Managed", _))) => {}
            Ok(Some(("Unmanaged", place))) => {
                return Verdict::fails(place, "the sandbox gets no NetworkPolicy of its own");
            }
            Ok(Some((other, place))) => {
                return Verdict::unknown(place, format!("`{other}` is no such management"));
            }
            Err(wrong) => return wrong.into(),
        }
        let path = ["spec", "networkPolicy"];
        let policy = match map(template.value(), &path) {
            Ok(Some(policy)) => policy,
            Ok(None) => {
                let place = Place::field(template.value(), &path);
                return Verdict::fails(
                    place,
                    "there is no policy: the default reaches the internet",
                );
            }
            Err(wrong) => return wrong.into(),
        };
        match list(policy, &["egress"]) {
            Ok(rules) => Verdict::from_claims(rules.filter_map(judge)),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(rule: Value<'_>) -> Option<Claim<'_>> {
    if allows_anybody(rule, Direction::Egress) {
        return Some(Claim::fails(rule, "this rule names nobody: the sandbox connects anywhere"));
    }
    peers(rule, Direction::Egress).find_map(|peer| {
        if let Some(block) = block(peer) {
            return match block {
                Ok(block) if block.cidr.is_everything() => {
                    Some(Claim::fails(block.value, "the sandbox connects to the whole internet"))
                }
                Ok(_) => None,
                Err(value) => Some(unreadable(value)),
            };
        }
        let empty = |field: &str| peer.get(field).is_some_and(is_empty_selector);
        let absent = |field: &str| peer.get(field).is_none_or(Value::is_null);
        if absent("namespaceSelector") && absent("podSelector") {
            let message = "this peer names nobody: the API server takes no NetworkPolicy with it";
            return Some(Claim::fails(peer, message));
        }
        let all = empty("namespaceSelector") && (absent("podSelector") || empty("podSelector"))
            || absent("namespaceSelector") && empty("podSelector");
        all.then(|| Claim::fails(peer, "the sandbox connects to every pod around it"))
    })
}
