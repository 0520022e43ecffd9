//! NetworkPolicies that select a pod, and the directions they apply to.

use pavisade_model::{GroupKind, kinds};
use pavisade_netpol::{Direction, Policy};
use pavisade_snapshot::{Coverage, Object, Pod};
use pavisade_yaml::Value;

use super::effect::Effect;
use super::other_policy::{others, unread};
use super::pod_index::{Near, Wanted};
use super::policy_index::Selecting;
use crate::fragment::is_fragment;
use crate::{Claim, Listing, Place, Verdict, View, Why};

/// Whether the pod is on the host network, where policies do not apply.
pub(super) fn on_host_network(pod: Pod<'_>) -> bool {
    pod.at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true)
}

/// The policies that select a pod for a direction.
pub(super) enum Restriction<'a> {
    /// NetworkPolicies, whose rules are combined.
    By(Selecting<'a>),
    /// A policy of another kind.
    ByOther,
    /// None.
    None,
    /// It could not be determined. Contains the reason.
    Unknown(Why),
}

/// Returns the policies that select the pod for a direction.
pub(super) fn restriction<'a>(
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Restriction<'a> {
    let selecting = Selecting::of(pod, direction, cx);
    if !selecting.is_empty() {
        return Restriction::By(selecting);
    }
    let others = others(pod, direction, cx);
    if others == Effect::Restricts {
        return Restriction::ByOther;
    }
    let unread = || cx.gap(kinds::NETWORK_POLICY).or_else(|| unread(cx));
    match selecting.unclear.or_else(unread) {
        Some(why) => Restriction::Unknown(why),
        None => match others {
            Effect::Unclear(why) => Restriction::Unknown(why),
            _ => Restriction::None,
        },
    }
}

/// Returns the reason why the NetworkPolicies that were read do not fully determine a pod's
/// connections.
pub(super) fn more_policies<'a>(pod: Pod<'a>, direction: Direction, cx: &View<'a>) -> Option<Why> {
    let gap = || cx.gap(kinds::NETWORK_POLICY).or_else(|| unread(cx));
    beside(pod, direction, cx).or_else(gap)
}

/// Returns the reason why policies of other kinds also apply.
pub(super) fn beside<'a>(pod: Pod<'a>, direction: Direction, cx: &View<'a>) -> Option<Why> {
    match others(pod, direction, cx) {
        Effect::None => None,
        Effect::Unclear(why) => Some(why),
        Effect::Adds | Effect::Restricts => Some(
            "a policy of another kind applies to these pods, and its rules are not evaluated"
                .into(),
        ),
    }
}

/// Returns the policies of a namespace. In files, also those that may be applied to it.
pub(super) fn policies_near<'a>(namespace: &'a str, cx: &View<'a>) -> Listing<'a> {
    near(kinds::NETWORK_POLICY, namespace, cx)
}

pub(super) fn near<'a>(kind: GroupKind, namespace: &'a str, cx: &View<'a>) -> Listing<'a> {
    if namespace.is_empty() {
        return cx.list(kind);
    }
    let mut listing = cx.list_in(kind, namespace);
    if listing.coverage == Coverage::Partial {
        listing.objects.extend(cx.list_in(kind, "").objects);
    }
    listing
}

/// Returns the pods of all workloads.
pub(super) fn all_pods<'a>(cx: &View<'a>) -> Vec<Pod<'a>> {
    let objects = kinds::WORKLOADS.iter().flat_map(|kind| cx.list(*kind).objects);
    objects.flat_map(Object::pods).collect()
}

/// The completeness of a set of pods.
pub(super) struct Seen {
    /// Whether all pods were read.
    pub(super) complete: bool,
    /// The reason why some could not be read.
    pub(super) refused: Option<Why>,
}

impl Seen {
    pub(super) fn of(cx: &View<'_>) -> Self {
        let whole = |kind| matches!(cx.coverage(kind), Coverage::Complete | Coverage::NotServed);
        Self {
            complete: kinds::WORKLOADS.iter().copied().all(whole),
            refused: kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)),
        }
    }
}

/// Returns the pods near a policy, without those it cannot select.
pub(super) fn pods_of<'a>(policy: &Policy, cx: &View<'a>) -> Vec<Pod<'a>> {
    match Wanted::of_policy(&policy.subject) {
        Some(wanted) => Near::of(&policy.namespace, cx).with(&wanted).collect(),
        None => Near::of(&policy.namespace, cx).all().collect(),
    }
}

/// Returns the pods near a Service with these labels as its selector, without those it cannot
/// select.
pub(super) fn pods_with<'a>(
    namespace: &'a str,
    labels: Value<'a>,
    cx: &View<'a>,
) -> Box<dyn Iterator<Item = Pod<'a>> + 'a> {
    match labels.entries().next().and_then(|(key, value)| Some((key, value.as_str()?))) {
        Some((key, value)) => {
            Box::new(Near::of(namespace, cx).with(&Wanted::OneOf(key, vec![value])))
        }
        None => Box::new(Near::of(namespace, cx).all()),
    }
}

/// Returns whether no policy restricts the pod's traffic in a direction.
pub(super) fn unrestricted<'a>(
    pod: Pod<'a>,
    direction: Direction,
    consequence: &str,
    cx: &View<'a>,
) -> Verdict<'a> {
    if is_fragment(pod.object()) {
        // The labels that policies select are elsewhere.
        return Verdict::NotApplicable;
    }
    if on_host_network(pod) {
        // Policies do not apply to the host network, which PV-C002 reports.
        return Verdict::NotApplicable;
    }
    let place = Place::from(pod.object().at(&["metadata", "name"]).unwrap_or(pod.spec()));
    match restriction(pod, direction, cx) {
        Restriction::By(_) | Restriction::ByOther => Verdict::Holds,
        Restriction::Unknown(why) => Verdict::unknown(place, why),
        Restriction::None => Claim::fails(
            place,
            format!(
                "no NetworkPolicy {} restricts {} of these pods: {consequence}",
                cx.list_in(kinds::NETWORK_POLICY, pod.object().namespace()).scope(),
                direction.field(),
            ),
        )
        .into(),
    }
}
