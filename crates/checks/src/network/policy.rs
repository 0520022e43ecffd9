//! Which NetworkPolicies select a pod, and for which directions they count.

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod, Selector, SelectorError};
use pavisade_yaml::Value;

use crate::{Claim, Cx, Place, Verdict};

/// A direction of traffic, seen from the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }
}

/// Kinds of policies besides NetworkPolicy whose effect is not modelled here.
const OTHER_POLICIES: [pavisade_model::GroupKind; 9] = [
    kinds::CILIUM_NETWORK_POLICY,
    kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY,
    kinds::CALICO_NETWORK_POLICY,
    kinds::CALICO_NETWORK_POLICY_CRD,
    kinds::CALICO_GLOBAL_NETWORK_POLICY,
    kinds::CALICO_GLOBAL_NETWORK_POLICY_CRD,
    kinds::CLUSTER_NETWORK_POLICY,
    kinds::ADMIN_NETWORK_POLICY,
    kinds::BASELINE_ADMIN_NETWORK_POLICY,
];

/// Whether a NetworkPolicy counts for a direction: `policyTypes`, or its default (always Ingress;
/// Egress where the policy has an `egress` section).
pub(super) fn applies_to(policy: &Object, direction: Direction) -> bool {
    let types = policy.at(&["spec", "policyTypes"]).filter(|t| t.items().next().is_some());
    match types {
        Some(types) => types.items().any(|t| t.as_str() == Some(direction.name())),
        None => {
            direction == Direction::Ingress
                || policy.at(&["spec", "egress"]).is_some_and(|e| e.items().next().is_some())
        }
    }
}

/// Whether a policy of the pod's namespace selects the pod.
pub(super) fn selects(policy: &Object, pod: Pod<'_>) -> Result<bool, SelectorError> {
    let selector = match policy.at(&["spec", "podSelector"]) {
        Some(value) => Selector::read(value)?,
        // A null or absent selector is the empty one: it selects every pod.
        None => return Ok(true),
    };
    Ok(selector.matches(|key| pod.labels().find(|(k, _)| *k == key).map(|(_, v)| v)))
}

/// Whether any policy restricts the pod's traffic in a direction.
pub(super) fn coverage_of<'a>(pod: Pod<'a>, direction: Direction, cx: &Cx<'a>) -> Verdict<'a> {
    if pod.at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true) {
        // Policies do not reach a pod in its node's network; PV-C002 says so.
        return Verdict::NotApplicable;
    }
    let policies = cx.list_in(kinds::NETWORK_POLICY, pod.object().namespace());
    let mut unclear = None;
    for policy in policies.objects.iter().filter(|p| applies_to(p, direction)) {
        match selects(policy, pod) {
            Ok(true) => return Verdict::Holds,
            Ok(false) => {}
            Err(error) => unclear = Some((policy.name(), error)),
        }
    }
    let place = Place::from(pod.object().at(&["metadata", "name"]).unwrap_or(pod.spec()));
    if let Some((name, error)) = unclear {
        return Verdict::unknown(
            place,
            format!("NetworkPolicy `{name}` cannot be read: {}", error.0),
        );
    }
    if let Some(why) = policies.refused() {
        return Verdict::unknown(place, why);
    }
    for kind in OTHER_POLICIES {
        let others = cx.list(kind);
        if let Some(why) = others.refused() {
            return Verdict::unknown(place, why);
        }
        if let Some(policy) = others.objects.first() {
            let why = format!(
                "{} `{}` may restrict it; such policies are not modelled yet",
                kind.kind,
                policy.name()
            );
            return Verdict::unknown(place, why);
        }
    }
    let name = direction.name().to_lowercase();
    let message = format!("no NetworkPolicy {} restricts {name} of these pods", policies.scope());
    Claim::fails(place, message).into()
}
