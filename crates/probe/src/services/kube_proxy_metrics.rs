//! PV-P088.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// kube-proxy metrics are reachable over the network
///
/// ## Why
/// Metrics contain the number of Services and endpoints, and when they change.
///
/// ## Fix
/// Set `metricsBindAddress: 127.0.0.1:10249` in the configuration of kube-proxy.
#[check(id = "PV-P088", severity = Low, scope = World)]
pub(crate) struct KubeProxyMetrics {}

impl EndpointProbe for KubeProxyMetrics {
    const AT: &'static [Component] = &[Component::KubeProxy];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of kube-proxy can be read over the network",
            metrics(&["kubeproxy_"]),
        )
    }
}
