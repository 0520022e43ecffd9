//! PV-P063.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet runs commands in containers without credentials
///
/// ## Why
/// Anyone who reaches the port can run commands in every container of the node with a single
/// request. The probe names a pod that does not exist, so nothing runs: only a client that is
/// allowed learns that there is no such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P063", severity = Critical, scope = World)]
pub(crate) struct KubeletAnonymousRun {}

impl EndpointProbe for KubeletAnonymousRun {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::with(target, "POST", "/run/pavisade-probe/none/none", Vec::new(), None)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "commands can be run in containers without credentials")
    }
}
