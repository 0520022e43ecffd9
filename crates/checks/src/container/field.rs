//! Who sets a pod's fields, and how they are read.

use std::fmt;

use pavisade_model::Severity;
use pavisade_snapshot::{Container, ContainerKind, Pod};
use pavisade_yaml::Value;

use crate::Claim;
pub(super) use crate::field::*;

/// Whatever has a `securityContext`: the pod, or one of its containers.
#[derive(Clone, Copy)]
pub(super) enum Setter<'a> {
    Pod(Pod<'a>),
    Container(Container<'a>),
}

impl<'a> Setter<'a> {
    /// The pod itself, then its containers.
    pub(super) fn all(pod: Pod<'a>) -> impl Iterator<Item = Self> {
        std::iter::once(Self::Pod(pod)).chain(pod.containers().map(Self::Container))
    }

    /// What holds the `securityContext`.
    pub(super) fn value(self) -> Value<'a> {
        match self {
            Self::Pod(pod) => pod.spec(),
            Self::Container(container) => container.value(),
        }
    }

    /// Whether it is the pod, and every container sets the field for itself.
    pub(super) fn is_overridden(self, path: &[&str]) -> bool {
        let Self::Pod(pod) = self else { return false };
        let own = |c: Container<'_>| c.at(path).is_some_and(|value| !value.is_null());
        pod.containers().next().is_some() && pod.containers().all(own)
    }

    /// A claim about a field that the pod sets and each container overrides: less bad, since no
    /// container has the value today. Pod Security rejects it anyway.
    pub(super) fn weigh(self, claim: Claim<'a>, path: &[&str]) -> Claim<'a> {
        if !self.is_overridden(path) {
            return claim;
        }
        let message = format!(
            "{}, which every container overrides; a container that is added later inherits it",
            claim.message
        );
        Claim { message, ..claim.severity(Severity::Low) }
    }
}

impl fmt::Display for Setter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(_) => f.write_str("the pod"),
            Self::Container(container) => {
                let kind = match container.kind() {
                    ContainerKind::Init => "init container",
                    ContainerKind::Sidecar => "sidecar",
                    ContainerKind::Main => "container",
                    ContainerKind::Ephemeral => "ephemeral container",
                };
                match container.name() {
                    // Knative names the container of a Service itself.
                    "" => write!(f, "the {kind}"),
                    name => write!(f, "{kind} `{name}`"),
                }
            }
        }
    }
}

/// A container as messages call it.
pub(super) fn named(container: Container<'_>) -> Setter<'_> {
    Setter::Container(container)
}
