//! PV-P051.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet lists running pods without credentials
///
/// ## Why
/// The list tells an attacker the names that the kubelet needs for `exec`.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P051", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousRunningPods {}

impl EndpointProbe for KubeletAnonymousRunningPods {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/runningpods/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the running pods of the node can be listed without credentials",
            list("PodList"),
        )
    }
}
