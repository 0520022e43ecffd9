//! Which pods a policy or a Service selects, and whether a policy is valid.

use pavisade_netpol::{self as netpol, Direction, FlawKind, Policy, Rule};
use pavisade_snapshot::{Object, Pod, Selector, Selects};

use super::rule::at;
use crate::field::WrongType;

/// Returns the part of a policy that the API server rejects, if any. What such a policy does is not
/// known; blocks of addresses are left to the checks of rules.
pub(super) fn wrong<'a>(object: &'a Object, policy: &Policy) -> Option<WrongType<'a>> {
    let flaw = policy.flaws.iter().find(|flaw| flaw.kind != FlawKind::Block)?;
    Some(WrongType::new(
        at(object, flaw.node),
        match flaw.kind {
            FlawKind::Peer => "a peer with `podSelector`, `namespaceSelector` or `ipBlock`",
            _ => "another value",
        },
    ))
}

/// Returns the rules of a policy for a direction. Empty if it does not apply to it.
pub(super) fn rules(policy: &Policy, direction: Direction) -> &[Rule] {
    policy.of(direction).unwrap_or_default()
}

/// Returns whether a policy selects the pod. This may depend on labels added by a controller, or on
/// the namespace of files.
pub(super) fn is_subject(subject: &netpol::Selector, namespace: &str, pod: Pod<'_>) -> Selects {
    within(namespace, pod, || subject.selects(|key| pod.label(key)))
}

/// Returns whether a selector of an object in `namespace` selects the pod. This may depend on
/// labels added by a controller, or on the namespace of files.
pub(super) fn selects(selector: Option<&Selector<'_>>, namespace: &str, pod: Pod<'_>) -> Selects {
    within(namespace, pod, || {
        selector.map_or(Selects::Yes, |selector| selector.selects(|key| pod.label(key)))
    })
}

fn within(namespace: &str, pod: Pod<'_>, labels: impl FnOnce() -> Selects) -> Selects {
    let same = match (namespace, pod.object().namespace()) {
        (a, b) if a == b => Selects::Yes,
        // In files, the namespace may be set when they are applied.
        ("", _) | (_, "") => Selects::Maybe,
        _ => return Selects::No,
    };
    same.and(labels())
}
