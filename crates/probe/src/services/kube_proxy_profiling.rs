//! PV-P090.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{profiler, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// kube-proxy serves its profiler over the network
///
/// ## Why
/// Profiles contain memory addresses and arguments, and making them costs CPU time.
///
/// ## Fix
/// Set `enableProfiling: false` in the configuration of kube-proxy. Set `metricsBindAddress:
/// 127.0.0.1:10249` in the configuration of kube-proxy.
#[check(id = "PV-P090", severity = Medium, scope = World)]
pub(crate) struct KubeProxyProfiling {}

impl EndpointProbe for KubeProxyProfiling {
    const AT: &'static [Component] = &[Component::KubeProxy];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/debug/pprof/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the profiler of kube-proxy can be used over the network", profiler)
    }
}
