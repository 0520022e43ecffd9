//! Which NetworkPolicies select a pod, and for which directions they count.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Coverage, Label, Object, Pod, Selector, SelectorError, Selects};
use pavisade_yaml::{Kind, Value};

use super::other_policy::{Effect, others, unread};
use super::pod_index::{Near, Wanted};
use super::policy_index::{Selecting, wanted};
use crate::field::{WrongType, find, integer, list, map, text, text_element};
use crate::fragment::is_fragment;
use crate::{Claim, Listing, Place, Verdict, View, Why};

/// A direction of traffic, seen from the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// As `policyTypes` says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// The field that holds a rule's peers.
    pub(super) fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }

    /// The field that holds the rules.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Whether a NetworkPolicy counts for a direction: `policyTypes`, or its default (always Ingress;
/// Egress where the policy has egress rules).
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

/// What of a policy has a type for which the API server rejects it, if anything.
pub(super) fn wrong_type(policy: &Object) -> Option<WrongType<'_>> {
    let check = || -> Result<(), WrongType<'_>> {
        for kind in list(policy.value(), &["spec", "policyTypes"])? {
            text_element(kind)?;
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            for rule in list(policy.value(), &["spec", direction.field()])? {
                if !rule.is_null() {
                    check_rule(rule, direction)?;
                }
            }
        }
        Ok(())
    };
    check().err()
}

fn check_rule(rule: Value<'_>, direction: Direction) -> Result<(), WrongType<'_>> {
    for peer in list(rule, &[direction.peers()])? {
        let mut empty = true;
        for field in ["ipBlock", "namespaceSelector", "podSelector"] {
            empty &= map(peer, &[field])?.is_none();
        }
        if empty {
            let wanted = "a peer with `podSelector`, `namespaceSelector` or `ipBlock`";
            return Err(WrongType::new(peer, wanted));
        }
    }
    for port in list(rule, &["ports"])? {
        text(port, &["protocol"])?;
        integer(port, &["endPort"])?;
        if find(port, &["port"])?.is_some_and(|p| p.as_str().is_none()) {
            integer(port, &["port"])?;
        }
    }
    Ok(())
}

/// The rules of a policy for a direction; none where it does not count for it.
pub(super) fn rules(policy: &Object, direction: Direction) -> impl Iterator<Item = Value<'_>> {
    let spec = policy.at(&["spec"]).filter(|_| applies_to(policy, direction));
    spec.into_iter().flat_map(move |spec| spec.list(direction.field()))
}

/// The policy's selector; an absent one is the empty one.
pub(super) fn pod_selector(policy: &Object) -> Result<Option<Selector<'_>>, SelectorError> {
    let Some(value) = policy.at(&["spec", "podSelector"]).filter(|v| !v.is_null()) else {
        return Ok(None);
    };
    if value.kind() != Kind::Mapping {
        return Err(SelectorError("`podSelector` must be a map".into()));
    }
    // The API server drops an unknown field, and would select every pod.
    let known = ["matchLabels", "matchExpressions"];
    match value.entries().find(|(key, _)| !known.contains(key)) {
        Some((key, _)) => Err(SelectorError(format!("`podSelector` has no field `{key}`"))),
        None => Selector::read(value).map(Some),
    }
}

/// Whether a selector, of an object in `namespace`, selects the pod: it may depend on labels that a
/// controller adds, or on the namespace that the files get.
pub(super) fn selects(selector: Option<&Selector<'_>>, namespace: &str, pod: Pod<'_>) -> Selects {
    let pod_namespace = pod.object().namespace();
    let same = match (namespace, pod_namespace) {
        (a, b) if a == b => Selects::Yes,
        // In files, the namespace may be given when they are applied.
        ("", _) | (_, "") => Selects::Maybe,
        _ => return Selects::No,
    };
    let label = |key: &str| match pod.labels().find(|(own, _)| *own == key) {
        Some((_, value)) => Label::Is(value),
        None => match added_label(pod, key) {
            Added::Value(value) => Label::Is(value),
            Added::Unknown => Label::Unknown,
            Added::No => Label::Absent,
        },
    };
    same.and(selector.map_or(Selects::Yes, |selector| selector.selects(label)))
}

/// A label that is not in the template.
pub(super) enum Added<'a> {
    No,
    Value(&'a str),
    Unknown,
}

/// What a workload's controller makes of a label on its pods.
pub(super) fn added_label<'a>(pod: Pod<'a>, key: &str) -> Added<'a> {
    let object = pod.object();
    let names_job = ["job-name", "batch.kubernetes.io/job-name"].contains(&key);
    match added_keys(pod) {
        _ if names_job && object.kind() == "Job" && is_batch(object) => Added::Value(object.name()),
        Some(keys) if !keys.contains(&key) => Added::No,
        _ => Added::Unknown,
    }
}

fn is_batch(object: &Object) -> bool {
    ["batch", "extensions"].contains(&object.group())
}

/// Labels that a workload's controller puts on its pods; nothing where they may be any.
pub(super) fn added_keys(pod: Pod<'_>) -> Option<&'static [&'static str]> {
    let object = pod.object();
    Some(match (object.group(), object.kind()) {
        (_, "Job" | "CronJob") if is_batch(object) => &[
            "job-name",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-completion-index",
        ],
        ("apps" | "extensions", "Deployment" | "ReplicaSet") => &["pod-template-hash"],
        ("apps" | "extensions", "DaemonSet") => {
            &["controller-revision-hash", "pod-template-generation"]
        }
        ("apps", "StatefulSet") => &[
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name",
            "apps.kubernetes.io/pod-index",
        ],
        ("", _) => &[],
        // What an operator makes of a custom resource is its own affair.
        _ => return None,
    })
}

/// Whether the pod is in its node's network, where policies do not reach it.
pub(super) fn on_host_network(pod: Pod<'_>) -> bool {
    pod.at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true)
}

/// What is known of the policies that select a pod for a direction.
pub(super) enum Restriction<'a> {
    /// These select it; what they allow adds up.
    By(Selecting<'a>),
    /// A policy of another kind does.
    ByOther,
    /// None does.
    None,
    /// It could not be determined, and why.
    Unknown(Why),
}

/// The policies that select the pod for a direction.
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

/// Why what a pod may connect to is not a matter of the NetworkPolicies alone that were read.
pub(super) fn more_policies<'a>(pod: Pod<'a>, direction: Direction, cx: &View<'a>) -> Option<Why> {
    let gap = || cx.gap(kinds::NETWORK_POLICY).or_else(|| unread(cx));
    beside(pod, direction, cx).or_else(gap)
}

/// Why policies of other kinds have a say beside NetworkPolicies.
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

/// The policies of a namespace; where the files leave namespaces open, those that may be in it.
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

/// The pods of all workloads.
pub(super) fn all_pods<'a>(cx: &View<'a>) -> Vec<Pod<'a>> {
    let objects = kinds::WORKLOADS.iter().flat_map(|kind| cx.list(*kind).objects);
    objects.flat_map(Object::pods).collect()
}

/// What is known of all pods, of which some may be seen.
pub(super) struct Seen {
    /// Whether these are all.
    pub(super) complete: bool,
    /// Why some could not be seen.
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

/// The pods near a policy, less such as it cannot select.
pub(super) fn pods_of<'a>(policy: &'a Object, cx: &View<'a>) -> Vec<Pod<'a>> {
    match wanted(policy) {
        Some(wanted) => Near::of(policy.namespace(), cx).with(&wanted),
        None => pods_near(policy.namespace(), cx),
    }
}

/// The pods near a Service with these labels as its selector, less such as it cannot select.
pub(super) fn pods_with<'a>(namespace: &'a str, labels: Value<'a>, cx: &View<'a>) -> Vec<Pod<'a>> {
    match labels.entries().next().and_then(|(key, value)| Some((key, value.as_str()?))) {
        Some((key, value)) => Near::of(namespace, cx).with(&Wanted::OneOf(key, vec![value])),
        None => pods_near(namespace, cx),
    }
}

/// The pods of the workloads in a namespace.
fn pods_near<'a>(namespace: &'a str, cx: &View<'a>) -> Vec<Pod<'a>> {
    let objects = kinds::WORKLOADS.iter().flat_map(|kind| near(*kind, namespace, cx).objects);
    objects.flat_map(Object::pods).collect()
}

/// Whether any policy restricts the pod's traffic in a direction.
pub(super) fn unrestricted<'a>(
    pod: Pod<'a>,
    direction: Direction,
    consequence: &str,
    cx: &View<'a>,
) -> Verdict<'a> {
    if is_fragment(pod.object()) {
        // The labels that policies select by stand elsewhere.
        return Verdict::NotApplicable;
    }
    if on_host_network(pod) {
        // Policies do not reach a pod in its node's network; PV-C002 says so.
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
