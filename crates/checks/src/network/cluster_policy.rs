//! The effect of the cluster's administrative policies on a pod: ClusterNetworkPolicy v1alpha2, and
//! its predecessors AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1
//! (network-policy-api.sigs.k8s.io).
//!
//! They deny nothing by default: each rule allows, denies or passes, and the first match decides.
//! So a pod is restricted if a rule denies everything that no earlier rule allowed.

use pavisade_snapshot::{Object, Pod, Selector, Selects};
use pavisade_yaml::Value;

use super::address::Cidr;
use super::other_policy::{Effect, everywhere, namespace_label};
use super::policy::{Direction, selects as selects_pod};
use crate::field::{is_plain_selector, list};
use crate::{Claim, View};

/// Returns the effect of the policy on the pod in a direction.
pub(super) fn effect<'a>(
    policy: &'a Object,
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Effect {
    let effect = of_rules(policy, direction);
    match (&effect, selects(policy, pod, cx)) {
        (Effect::None, _) | (_, Selects::No) => Effect::None,
        (Effect::Adds, _) | (_, Selects::Yes) => effect,
        (_, Selects::Maybe) => {
            Effect::Unclear("it cannot be determined whether it selects them".into())
        }
    }
}

/// Returns the effect of the rules of a direction on the selected pods.
fn of_rules(policy: &Object, direction: Direction) -> Effect {
    let rules = match list(policy.value(), &["spec", direction.field()]) {
        Ok(rules) => rules,
        Err(wrong) => return Effect::Unclear(wrong.into()),
    };
    let mut effect = Effect::None;
    for rule in rules {
        match rule.str("action") {
            Some("Deny") if is_everything(rule, direction) => return Effect::Restricts,
            Some("Deny") => effect = Effect::Unclear("it denies some of their traffic".into()),
            Some("Allow" | "Accept" | "Pass") => {
                effect = effect.and(Effect::Adds);
                if is_everything(rule, direction) {
                    break;
                }
            }
            _ => return Effect::Unclear("the action of a rule cannot be parsed".into()),
        }
    }
    effect
}

fn selects<'a>(policy: &'a Object, pod: Pod<'a>, cx: &View<'a>) -> Selects {
    let subject = |path: &[&str]| {
        policy.at(&["spec", "subject"]).and_then(|s| s.at(path)).filter(|v| !v.is_null())
    };
    let (namespaces, pods) = (subject(&["namespaces"]), subject(&["pods"]));
    match (namespaces, pods) {
        (Some(namespaces), None) => selects_namespace(namespaces, pod, cx),
        (None, Some(pods)) => {
            let (Some(namespaces), Some(labels)) =
                (pods.get("namespaceSelector"), pods.get("podSelector"))
            else {
                return Selects::Maybe;
            };
            let of = pod.object().namespace();
            let own = match read(labels) {
                Some(selector) => selects_pod(Some(&selector), of, pod),
                None => Selects::Maybe,
            };
            selects_namespace(namespaces, pod, cx).and(own)
        }
        _ => Selects::Maybe,
    }
}

/// Reads a selector with known fields only.
fn read(value: Value<'_>) -> Option<Selector<'_>> {
    is_plain_selector(value).then(|| Selector::read(value).ok()).flatten()
}

fn selects_namespace<'a>(selector: Value<'a>, pod: Pod<'a>, cx: &View<'a>) -> Selects {
    let Some(selector) = read(selector) else { return Selects::Maybe };
    selector.selects(|key| namespace_label(pod, key, cx))
}

/// Whether a rule matches every connection: for ingress from all pods (the only possible peers),
/// for egress to all addresses.
fn is_everything(rule: Value<'_>, direction: Direction) -> bool {
    let limited = |field: &str| rule.get(field).is_some_and(|v| !v.is_null());
    if limited("ports") || limited("protocols") {
        return false;
    }
    match direction {
        Direction::Ingress => rule.list("from").any(is_every_pod),
        Direction::Egress => {
            let networks = rule.list("to").flat_map(|peer| peer.list("networks"));
            let blocks: Vec<_> = networks.filter_map(|n| Cidr::read(n.as_str()?)).collect();
            Cidr::cover_everything(&blocks)
        }
    }
}

fn is_every_pod(peer: Value<'_>) -> bool {
    let all =
        |value: Option<Value<'_>>| value.and_then(read).is_some_and(|selector| selector.is_empty());
    match (peer.get("namespaces"), peer.get("pods")) {
        (Some(namespaces), None) => all(Some(namespaces)),
        (None, Some(pods)) => all(pods.get("namespaceSelector")) && all(pods.get("podSelector")),
        _ => false,
    }
}

/// Returns rules that allow everything before NetworkPolicies are evaluated, unless an earlier rule
/// overrides them for a part. In the baseline, this is the default anyway.
pub(super) fn open_rules(policy: &Object) -> Vec<(Direction, Claim<'_>)> {
    let baseline = policy.at(&["spec", "tier"]).and_then(Value::as_str) == Some("Baseline");
    let mut claims = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = match list(policy.value(), &["spec", direction.field()]) {
            Ok(rules) => rules,
            Err(wrong) => return vec![(direction, wrong.into())],
        };
        let open = rules
            .take_while(|rule| matches!(rule.str("action"), Some("Allow" | "Accept")))
            .filter(|rule| !baseline && is_everything(*rule, direction));
        claims.extend(open.map(|rule| {
            let message = format!(
                "{}, before any NetworkPolicy is evaluated",
                match direction {
                    Direction::Ingress =>
                        "this rule allows connections from every pod in the cluster on every port",
                    Direction::Egress => everywhere(direction),
                }
            );
            (direction, Claim::fails(rule, message))
        }));
    }
    claims
}
