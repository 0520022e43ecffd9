//! PV-P056.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{directory, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves log files of its node without credentials
///
/// ## Why
/// The directory `/var/log` of a node contains logs of pods and of the system. With a symbolic
/// link in it, any file of the node could be read.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P056", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousLogs {}

impl EndpointProbe for KubeletAnonymousLogs {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1552.001"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/logs/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the log files of the node can be listed without credentials", directory)
    }
}
