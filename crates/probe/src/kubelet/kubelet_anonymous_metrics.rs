//! PV-P052.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves metrics without credentials
///
/// ## Why
/// Metrics contain the names of pods, volumes and images.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P052", severity = Medium, scope = World)]
pub(crate) struct KubeletAnonymousMetrics {}

impl EndpointProbe for KubeletAnonymousMetrics {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of the kubelet can be read without credentials",
            metrics(&["kubelet_"]),
        )
    }
}
