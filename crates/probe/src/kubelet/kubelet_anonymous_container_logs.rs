//! PV-P062.

use pavisade_macros::check;

use super::missing_pod;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves logs of containers without credentials
///
/// ## Why
/// Logs contain personal data and credentials. The probe names a pod that does not exist, so
/// nothing runs: only a client that is allowed learns that there is no such pod.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P062", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousContainerLogs {}

impl EndpointProbe for KubeletAnonymousContainerLogs {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1552.001"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/containerLogs/pavisade-probe/none/none")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        missing_pod(seen, "logs of containers can be read without credentials")
    }
}
