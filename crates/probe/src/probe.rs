//! What a probe consists of.

use std::sync::Arc;

use pavisade_model::Meta;
use serde_json::Value;

use crate::{Ask, Canary, Component, Exchange, Known, PodFacts, Running, Step, Target, Verdict};

/// Judges exchanges without a control and without files.
#[cfg(test)]
pub(crate) fn word<T: EndpointProbe>(
    target: &Target,
    exchanges: Vec<Arc<Exchange>>,
) -> &'static str {
    let known = &Known::default();
    T::judge(&Seen { target, exchanges, control: None, known, now: 0 }).word()
}

/// The metadata of a probe, made from its comment by `#[check]`.
pub(crate) trait Described {
    /// Its rule.
    const META: Meta;
}

/// A probe of an endpoint over the network, without credentials.
pub(crate) trait EndpointProbe: Described {
    /// The components that it applies to.
    const AT: &'static [Component];
    /// Techniques of MITRE ATT&CK for Containers.
    const TECHNIQUES: &'static [&'static str];
    /// The risk of the OWASP Kubernetes Top Ten 2025.
    const OWASP: &'static str;
    /// Whether it compares the endpoint with files.
    const COMPARES: bool = false;

    /// The requests to send.
    fn asks(target: &Target) -> Vec<Ask>;

    /// The verdict. There is one exchange for each request, in the same order.
    fn judge(seen: &Seen<'_>) -> Verdict;
}

/// A pod that admission must reject, sent as a server-side dry run.
pub(crate) trait AdmissionProbe: Described {
    /// Techniques of MITRE ATT&CK for Containers.
    const TECHNIQUES: &'static [&'static str];
    /// The risk of the OWASP Kubernetes Top Ten 2025.
    const OWASP: &'static str;
    /// What the pod does, for the message.
    const DOES: &'static str;

    /// Makes a restricted pod into one that must be rejected.
    fn change(pod: &mut Value);
}

/// A probe that does what an attacker would do, to canaries of the run.
pub(crate) trait ActiveProbe: Described {
    /// Techniques of MITRE ATT&CK for Containers.
    const TECHNIQUES: &'static [&'static str];
    /// The risk of the OWASP Kubernetes Top Ten 2025.
    const OWASP: &'static str;

    /// The steps. The last one is the proof, the others prepare it. Empty if the cluster lacks what
    /// it needs.
    fn steps(canary: &Canary) -> Vec<Step>;
}

/// A probe of the container in which it runs.
pub(crate) trait PodProbe: Described {
    /// Techniques of MITRE ATT&CK for Containers.
    const TECHNIQUES: &'static [&'static str];
    /// The risk of the OWASP Kubernetes Top Ten 2025.
    const OWASP: &'static str;

    /// The verdict.
    fn judge(facts: &PodFacts) -> Verdict;
}

/// What a probe sees.
pub(crate) struct Seen<'a> {
    pub(crate) target: &'a Target,
    /// Its exchanges, in the order of its requests.
    pub(crate) exchanges: Vec<Arc<Exchange>>,
    /// The response to a path that does not exist, over TLS or not as the component.
    pub(crate) control: Option<Arc<Exchange>>,
    /// What files say about servers.
    pub(crate) known: &'a Known,
    /// The time, in seconds since 1970.
    pub(crate) now: i64,
}

/// How a probe works.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Requests to an endpoint without credentials.
    Endpoint {
        /// The components that it applies to.
        at: &'static [Component],
        /// The requests.
        asks: fn(&Target) -> Vec<Ask>,
        /// Whether it compares the endpoint with files, and so needs them.
        compares: bool,
        #[doc(hidden)]
        judge: Judge,
    },
    /// A pod, sent to the API server as a dry run.
    Admission {
        /// What the pod does.
        does: &'static str,
        /// Makes a restricted pod into one that must be rejected.
        change: fn(&mut Value),
    },
    /// What an attacker would do, to canaries of the run.
    Active {
        /// The steps.
        steps: fn(&Canary) -> Vec<Step>,
    },
    /// What is tried with a canary pod that runs.
    Running(Running),
    /// Connections between canary pods that policies forbid.
    Segments,
    /// What a process can see of the container it runs in.
    Pod {
        /// The verdict.
        judge: fn(&PodFacts) -> Verdict,
    },
}

/// The function that judges an endpoint.
#[derive(Clone, Copy)]
pub struct Judge(pub(crate) fn(&Seen<'_>) -> Verdict);

/// A probe in the registry.
#[derive(Clone, Copy)]
pub struct Registered {
    /// Its metadata.
    pub meta: &'static Meta,
    /// Techniques of MITRE ATT&CK for Containers.
    pub techniques: &'static [&'static str],
    /// The risk of the OWASP Kubernetes Top Ten 2025.
    pub owasp: &'static str,
    /// How it works.
    pub kind: Kind,
}

struct Static<T>(std::marker::PhantomData<T>);

impl<T: Described> Static<T> {
    const META: &'static Meta = &T::META;
}

/// Registers a probe of endpoints.
pub(crate) const fn endpoint<T: EndpointProbe>() -> Registered {
    Registered {
        meta: Static::<T>::META,
        techniques: T::TECHNIQUES,
        owasp: T::OWASP,
        kind: Kind::Endpoint {
            at: T::AT,
            asks: T::asks,
            compares: T::COMPARES,
            judge: Judge(T::judge),
        },
    }
}

/// Registers a probe of admission.
pub(crate) const fn admission<T: AdmissionProbe>() -> Registered {
    Registered {
        meta: Static::<T>::META,
        techniques: T::TECHNIQUES,
        owasp: T::OWASP,
        kind: Kind::Admission { does: T::DOES, change: T::change },
    }
}

/// Registers an active probe.
pub(crate) const fn active<T: ActiveProbe>() -> Registered {
    Registered {
        meta: Static::<T>::META,
        techniques: T::TECHNIQUES,
        owasp: T::OWASP,
        kind: Kind::Active { steps: T::steps },
    }
}

/// Registers a probe of the container in which it runs.
pub(crate) const fn pod<T: PodProbe>() -> Registered {
    Registered {
        meta: Static::<T>::META,
        techniques: T::TECHNIQUES,
        owasp: T::OWASP,
        kind: Kind::Pod { judge: T::judge },
    }
}

impl Registered {
    /// Whether it makes canaries with the permissions of the kubeconfig, which needs `--active`.
    pub fn is_active(&self) -> bool {
        matches!(self.kind, Kind::Active { .. }) || self.runs_pods()
    }

    /// Whether it runs pods, some of them as root with a path of the node: a consent must name it.
    pub fn runs_pods(&self) -> bool {
        matches!(self.kind, Kind::Running(_))
    }

    /// Returns its id.
    pub fn id(&self) -> &'static str {
        match &self.meta.rule.id {
            std::borrow::Cow::Borrowed(id) => id,
            std::borrow::Cow::Owned(_) => "",
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match &self.meta.rule.name {
            std::borrow::Cow::Borrowed(name) => name,
            std::borrow::Cow::Owned(_) => "",
        }
    }
}
