//! PV-P064.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet makes checkpoints of containers without credentials
///
/// ## Why
/// A checkpoint contains the memory of a container, with all its secrets. The probe names a pod
/// that does not exist, so nothing runs: only a client that is allowed learns that there is no
/// such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P064", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousCheckpoint {}

impl EndpointProbe for KubeletAnonymousCheckpoint {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1552.001"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::with(target, "POST", "/checkpoint/pavisade-probe/none/none", Vec::new(), None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "checkpoints of containers can be made without credentials")
    }
}
