//! PV-P065.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet read-only port is open
///
/// ## Why
/// The port serves the specifications of all pods of the node without authentication and TLS.
///
/// ## Fix
/// Set `readOnlyPort: 0` in the configuration of the kubelet.
#[check(id = "PV-P065", severity = High, scope = World)]
pub(crate) struct KubeletReadOnlyPods {}

impl EndpointProbe for KubeletReadOnlyPods {
    const AT: &'static [Component] = &[Component::KubeletReadOnly];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/pods")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the pods of the node can be listed without credentials and TLS",
            list("PodList"),
        )
    }
}
