//! What a policy of any kind does to the connections of a pod.

use pavisade_model::kinds;
use pavisade_netpol::Direction;
use pavisade_snapshot::{Label, Pod};

use crate::{View, Why};

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

/// Returns the message for a policy that allows everything.
pub(super) fn everywhere(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "this rule allows connections from every address on every port",
        Direction::Egress => "this rule allows connections to every address on every port",
    }
}
