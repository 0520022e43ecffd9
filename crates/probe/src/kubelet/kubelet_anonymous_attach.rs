//! PV-P060.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet attaches clients to containers without credentials
///
/// ## Why
/// Anyone who reaches the port can read and write the standard streams of every container of the
/// node. The probe names a pod that does not exist, so nothing runs: only a client that is
/// allowed learns that there is no such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P060", severity = Critical, scope = World)]
pub(crate) struct KubeletAnonymousAttach {}

impl EndpointProbe for KubeletAnonymousAttach {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/attach/pavisade-probe/none/none?output=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "clients can attach to containers without credentials")
    }
}
