//! PV-P089.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// kube-proxy shows its configuration over the network
///
/// ## Why
/// The configuration contains networks and file names of the node.
///
/// ## Fix
/// Set `metricsBindAddress: 127.0.0.1:10249` in the configuration of kube-proxy.
#[check(id = "PV-P089", severity = Low, scope = World)]
pub(crate) struct KubeProxyConfig {}

impl EndpointProbe for KubeProxyConfig {
    const AT: &'static [Component] = &[Component::KubeProxy];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/configz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the configuration of kube-proxy can be read over the network",
            object(&["kubeproxy.config.k8s.io"]),
        )
    }
}
