//! PV-P053.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves container metrics without credentials
///
/// ## Why
/// Metrics of containers contain their names, images and resource usage.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P053", severity = Medium, scope = World)]
pub(crate) struct KubeletAnonymousContainerMetrics {}

impl EndpointProbe for KubeletAnonymousContainerMetrics {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics/cadvisor")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of containers can be read without credentials",
            metrics(&["container_", "machine_", "cadvisor_"]),
        )
    }
}
