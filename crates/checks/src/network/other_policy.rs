//! The effect of policies other than NetworkPolicy on a pod: those of Cilium, of Calico, and
//! administrative policies.

use std::collections::BTreeMap;

use pavisade_model::{GroupKind, kinds};
use pavisade_netpol::Direction;
use pavisade_snapshot::{Object, Pod};

use super::effect::Effect;
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
    for (policy, kind, place) in near(pod.object().namespace(), cx) {
        let effect = match kind.group {
            group if group == kinds::CILIUM_NETWORK_POLICY.group => {
                cilium::effect(policy, pod, direction, cx)
            }
            group if group == kinds::CLUSTER_NETWORK_POLICY.group => {
                cluster_policy::effect((kind, place), pod, direction, cx)
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
    let (policy, ..) = near(namespace, cx).next()?;
    Some(format!("{} `{}` may restrict these pods", policy.kind(), policy.name()).into())
}

/// Returns the reason why some of them may not have been read.
pub(super) fn unread(cx: &View<'_>) -> Option<Why> {
    KINDS.into_iter().find_map(|(kind, _)| cx.gap(kind))
}

/// Returns the policies of a namespace and cluster-wide ones, each with its kind and its place among
/// those. In files, also those without a namespace.
fn near<'a>(
    namespace: &'a str,
    cx: &View<'a>,
) -> impl Iterator<Item = (&'a Object, GroupKind, usize)> + use<'a> {
    // There are usually few or none, so one list is cheaper than two by namespace.
    let lists = KINDS.map(|(kind, namespaced)| (cx.list(kind).objects, kind, namespaced));
    lists.into_iter().flat_map(move |(objects, kind, namespaced)| {
        objects.into_iter().enumerate().filter_map(move |(place, policy)| {
            let of = policy.namespace();
            let near = !namespaced || of == namespace || of.is_empty() || namespace.is_empty();
            near.then_some((policy, kind, place))
        })
    })
}
