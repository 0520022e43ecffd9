//! PV-P054.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves resource metrics without credentials
///
/// ## Why
/// Resource metrics contain the names of all pods and their load.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P054", severity = Low, scope = World)]
pub(crate) struct KubeletAnonymousResourceMetrics {}

impl EndpointProbe for KubeletAnonymousResourceMetrics {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics/resource")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the resource metrics of the node can be read without credentials",
            metrics(&["node_", "pod_", "container_", "scrape_error", "resource_scrape_error"]),
        )
    }
}
