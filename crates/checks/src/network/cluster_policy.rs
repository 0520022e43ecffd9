//! The effect of the cluster's administrative policies on a pod: ClusterNetworkPolicy v1alpha2, and
//! its predecessors AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1
//! (network-policy-api.sigs.k8s.io).
//!
//! They deny nothing by default: each rule allows, denies or passes, and the first match decides.
//! So a pod is restricted if a rule denies everything that no earlier rule allowed.

use std::collections::BTreeMap;

use pavisade_model::{GroupKind, kinds};
use pavisade_netpol::{Action, Direction, Peer, Policy, Rule, Tier, Within};
use pavisade_snapshot::{Derived, Object, Pod, Reads, Selects};

use super::effect::{Effect, everywhere, namespace_label};
use super::rule::{at, is_every_pod};
use super::subject::{is_subject, rules, wrong};
use crate::{Claim, View};

const KINDS: &[GroupKind] = &[
    kinds::CLUSTER_NETWORK_POLICY,
    kinds::ADMIN_NETWORK_POLICY,
    kinds::BASELINE_ADMIN_NETWORK_POLICY,
];

/// The policies of a world, each read once: by kind, in the order of the world.
struct Policies(BTreeMap<GroupKind, Vec<Policy>>);

impl Derived for Policies {
    const READS: Reads = &[KINDS];

    fn make(cx: &View<'_>) -> Self {
        let all = |kind| cx.list(kind).objects.into_iter().map(Policy::of_cluster).collect();
        Self(KINDS.iter().map(|kind| (*kind, all(*kind))).collect())
    }
}

/// Returns the effect on the pod in a direction of the policy of a kind at a place of the world.
pub(super) fn effect<'a>(
    (kind, place): (GroupKind, usize),
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Effect {
    let all = cx.derive::<Policies>();
    let Some(policy) = all.0.get(&kind).and_then(|all| all.get(place)) else { return Effect::None };
    let effect = match of_rules(rules(policy, direction), direction) {
        Effect::None => Effect::None,
        // What a policy does that the API server refuses is not known.
        _ if !policy.flaws.is_empty() => Effect::Unclear("a rule cannot be parsed".into()),
        effect => effect,
    };
    match (&effect, selects(policy, pod, cx)) {
        (Effect::None, _) | (_, Selects::No) => Effect::None,
        (Effect::Adds, _) | (_, Selects::Yes) => effect,
        (_, Selects::Maybe) => {
            Effect::Unclear("it cannot be determined whether it selects them".into())
        }
    }
}

/// Returns the effect of the rules of a direction on the selected pods.
fn of_rules(rules: &[Rule], direction: Direction) -> Effect {
    let mut effect = Effect::None;
    for rule in rules {
        match rule.action {
            Action::Deny if is_everything(rule, direction) => return Effect::Restricts,
            Action::Deny => effect = Effect::Unclear("it denies some of their traffic".into()),
            Action::Allow | Action::Pass => {
                effect = effect.and(Effect::Adds);
                if is_everything(rule, direction) {
                    break;
                }
            }
            Action::Unknown => return Effect::Unclear("a rule cannot be parsed".into()),
        }
    }
    effect
}

fn selects<'a>(policy: &Policy, pod: Pod<'a>, cx: &View<'a>) -> Selects {
    let inside = match &policy.within {
        Within::Selected(selector) => selector.selects(|key| namespace_label(pod, key, cx)),
        Within::Namespace(name) => (name == pod.object().namespace()).into(),
    };
    inside.and(is_subject(&policy.subject, pod.object().namespace(), pod))
}

/// Whether a rule matches every connection: for ingress from all pods (the only possible peers),
/// for egress to all addresses.
fn is_everything(rule: &Rule, direction: Direction) -> bool {
    rule.ports.fixed.is_all()
        && match direction {
            // A rule whose peers cannot be parsed denies everything.
            Direction::Ingress => {
                rule.peers.iter().any(|peer| is_every_pod(peer) || *peer == Peer::Anybody)
            }
            Direction::Egress => {
                rule.peers.contains(&Peer::Anybody) || rule.addresses().cover_a_family()
            }
        }
}

/// Returns rules that allow everything before NetworkPolicies are evaluated, unless an earlier rule
/// overrides them for a part. In the baseline, this is the default anyway.
pub(super) fn open_rules(object: &Object) -> Vec<(Direction, Claim<'_>)> {
    let policy = Policy::of_cluster(object);
    let mut claims = Vec::new();
    for direction in Direction::BOTH {
        let open = rules(&policy, direction)
            .iter()
            .take_while(|rule| rule.action == Action::Allow)
            .filter(|rule| policy.tier != Tier::Baseline && is_everything(rule, direction));
        claims.extend(open.map(|rule| {
            let message = format!(
                "{}, before any NetworkPolicy is evaluated",
                match direction {
                    Direction::Ingress =>
                        "this rule allows connections from every pod in the cluster on every port",
                    Direction::Egress => everywhere(direction),
                }
            );
            (direction, Claim::fails(at(object, rule.node), message))
        }));
    }
    match wrong(object, &policy).filter(|_| claims.is_empty()) {
        Some(wrong) => vec![(Direction::Ingress, wrong.into())],
        None => claims,
    }
}
