//! PV-P061.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet forwards ports of pods without credentials
///
/// ## Why
/// Anyone who reaches the port can connect to every port in every pod of the node, past network
/// policies. The probe names a pod that does not exist, so nothing runs: only a client that is
/// allowed learns that there is no such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P061", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousPortForward {}

impl EndpointProbe for KubeletAnonymousPortForward {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1133"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/portForward/pavisade-probe/none")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "ports of pods can be reached through the kubelet without credentials")
    }
}
