//! The effect of policies other than NetworkPolicy on a pod: those of Cilium, of Calico, and
//! administrative policies.

use std::collections::BTreeMap;

use pavisade_model::{GroupKind, kinds};
use pavisade_netpol::Direction;
use pavisade_snapshot::{Label, Object, Pod};

use super::{calico, cilium, cluster_policy};
use crate::{Reads, View, Why};

/// The kinds, and whether they are namespaced.
const KINDS: [(GroupKind, bool); 9] = [
    (kinds::CILIUM_NETWORK_POLICY, true),
    (kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY, false),
    (kinds::CALICO_NETWORK_POLICY, true),
    (kinds::CALICO_NETWORK_POLICY_CRD, true),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY, false),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY_CRD, false),
    (kinds::CLUSTER_NETWORK_POLICY, false),
    (kinds::ADMIN_NETWORK_POLICY, false),
    (kinds::BASELINE_ADMIN_NETWORK_POLICY, false),
];

/// The effect of a policy on a pod in a direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It does not select the pod, or does not apply to the direction.
    None,
    /// It allows or denies some connections, without a default deny.
    Adds,
    /// Connections that no policy allows are denied.
    Restricts,
    /// It could not be determined. Contains the reason.
    Unclear(Why),
}

impl Effect {
    /// Combines two effects. `Restricts` takes precedence.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Restricts, _) | (_, Self::Restricts) => Self::Restricts,
            (Self::Unclear(why), _) | (_, Self::Unclear(why)) => Self::Unclear(why),
            (Self::Adds, _) | (_, Self::Adds) => Self::Adds,
            (Self::None, Self::None) => Self::None,
        }
    }
}

/// Returns a label of the pod's namespace: its name, which the API server sets, or a label of the
/// Namespace if it was read.
pub(super) fn namespace_label<'a>(pod: Pod<'a>, key: &str, cx: &View<'a>) -> Label<'a> {
    let name = pod.object().namespace();
    if name.is_empty() {
        return Label::Unknown;
    }
    if key == "kubernetes.io/metadata.name" {
        return Label::Is(name);
    }
    match cx.get(kinds::NAMESPACE, "", name) {
        Some(namespace) => namespace.label(key).map_or(Label::Absent, Label::Is),
        None => Label::Unknown,
    }
}

/// Returns the combined effect of all of them on the pod in a direction. The reason for an unclear
/// effect contains the policy.
pub(super) fn others<'a>(pod: Pod<'a>, direction: Direction, cx: &View<'a>) -> Effect {
    if KINDS.into_iter().all(|(kind, _)| cx.nth(kind, 0).is_none()) {
        return Effect::None;
    }
    // Pods with the same key are equivalent for every policy.
    let object = pod.object();
    let job = if object.kind() == "Job" { object.name() } else { "" };
    let of = (direction, object.group(), object.kind(), object.namespace(), job);
    let labels: BTreeMap<_, _> = pod.labels().collect();
    let key = format!("{of:?} {} {labels:?}", pod.service_account());
    let reads: Reads = &[kinds::NETWORK_POLICIES, &[kinds::NAMESPACE]];
    cx.memo::<Effect, _, _>(reads, key, (pod, direction), of_all)
}

fn of_all<'a>(cx: &View<'a>, (pod, direction): (Pod<'a>, Direction)) -> Effect {
    let mut all = Effect::None;
    for (policy, kind) in near(pod.object().namespace(), cx) {
        let effect = match kind.group {
            group if group == kinds::CILIUM_NETWORK_POLICY.group => {
                cilium::effect(policy, pod, direction, cx)
            }
            group if group == kinds::CLUSTER_NETWORK_POLICY.group => {
                cluster_policy::effect(policy, pod, direction, cx)
            }
            _ => calico::effect(policy, pod, direction, cx),
        };
        all = match effect {
            Effect::Restricts => return Effect::Restricts,
            Effect::Unclear(why) => all.and(Effect::Unclear(why.told(|why| {
                format!("{} `{}` may restrict these pods: {why}", policy.kind(), policy.name())
            }))),
            effect => all.and(effect),
        };
    }
    all
}

/// Returns the reason why such a policy may apply to pods of a namespace that were not read.
pub(super) fn may_hold<'a>(namespace: &'a str, cx: &View<'a>) -> Option<Why> {
    let (policy, _) = near(namespace, cx).next()?;
    Some(format!("{} `{}` may restrict these pods", policy.kind(), policy.name()).into())
}

/// Returns the reason why some of them may not have been read.
pub(super) fn unread(cx: &View<'_>) -> Option<Why> {
    KINDS.into_iter().find_map(|(kind, _)| cx.gap(kind))
}

/// Returns the policies of a namespace and cluster-wide ones. In files, also those without a
/// namespace.
fn near<'a>(
    namespace: &'a str,
    cx: &View<'a>,
) -> impl Iterator<Item = (&'a Object, GroupKind)> + use<'a> {
    // There are usually few or none, so one list is cheaper than two by namespace.
    let lists = KINDS.map(|(kind, namespaced)| (cx.list(kind).objects, kind, namespaced));
    lists.into_iter().flat_map(move |(objects, kind, namespaced)| {
        objects.into_iter().filter_map(move |policy| {
            let of = policy.namespace();
            let near = !namespaced || of == namespace || of.is_empty() || namespace.is_empty();
            near.then_some((policy, kind))
        })
    })
}

/// Returns the message for a policy that allows everything.
pub(super) fn everywhere(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "this rule allows connections from every address on every port",
        Direction::Egress => "this rule allows connections to every address on every port",
    }
}
