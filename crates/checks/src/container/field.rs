//! Uniform access to the security fields of pods and containers.

use std::fmt;

use pavisade_model::Severity;
use pavisade_snapshot::{Container, ContainerKind, Pod};
use pavisade_yaml::Value;

use crate::Claim;
pub(super) use crate::field::*;

/// A pod or a container, which have a `securityContext`.
#[derive(Clone, Copy)]
pub(super) enum Setter<'a> {
    Pod(Pod<'a>),
    Container(Container<'a>),
}

impl<'a> Setter<'a> {
    /// Returns the pod, then its containers.
    pub(super) fn all(pod: Pod<'a>) -> impl Iterator<Item = Self> {
        std::iter::once(Self::Pod(pod)).chain(pod.containers().map(Self::Container))
    }

    /// Returns the value that contains the `securityContext`.
    pub(super) fn value(self) -> Value<'a> {
        match self {
            Self::Pod(pod) => pod.spec(),
            Self::Container(container) => container.value(),
        }
    }

    /// Whether it is the pod, and every container overrides the field.
    pub(super) fn is_overridden(self, path: &[&str]) -> bool {
        let Self::Pod(pod) = self else { return false };
        let own = |c: Container<'_>| c.at(path).is_some_and(|value| !value.is_null());
        pod.containers().next().is_some() && pod.containers().all(own)
    }

    /// Lowers the severity of a claim about a field of the pod that every container overrides: no
    /// container has the value now, but Pod Security rejects it.
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
                    // Knative sets the name of the container of a Service.
                    "" => write!(f, "the {kind}"),
                    name => write!(f, "{kind} `{name}`"),
                }
            }
        }
    }
}

/// Returns a container for use in messages.
pub(super) fn named(container: Container<'_>) -> Setter<'_> {
    Setter::Container(container)
}
