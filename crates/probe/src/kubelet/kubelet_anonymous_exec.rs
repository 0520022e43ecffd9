//! PV-P059.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet executes commands in containers without credentials
///
/// ## Why
/// Anyone who reaches the port can run commands in every container of the node. The probe names a
/// pod that does not exist, so nothing runs: only a client that is allowed learns that there is
/// no such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P059", severity = Critical, scope = World)]
pub(crate) struct KubeletAnonymousExec {}

impl EndpointProbe for KubeletAnonymousExec {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/exec/pavisade-probe/none/none?command=true&output=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "commands can be executed in containers without credentials")
    }
}
