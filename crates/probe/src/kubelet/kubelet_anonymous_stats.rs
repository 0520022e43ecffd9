//! PV-P055.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves statistics without credentials
///
/// ## Why
/// Statistics contain the names of all pods, volumes and network interfaces.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P055", severity = Medium, scope = World)]
pub(crate) struct KubeletAnonymousStats {}

impl EndpointProbe for KubeletAnonymousStats {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/stats/summary")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "statistics of the node can be read without credentials",
            object(&["node", "pods"]),
        )
    }
}
