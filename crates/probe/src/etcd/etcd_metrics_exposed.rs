//! PV-P073.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// etcd metrics are reachable over the network
///
/// ## Why
/// Metrics contain names of members, request rates and the number of keys.
///
/// ## Fix
/// Set `--listen-metrics-urls` to a loopback address, or restrict access to the port.
#[check(id = "PV-P073", severity = Medium, scope = World)]
pub(crate) struct EtcdMetricsExposed {}

impl EndpointProbe for EtcdMetricsExposed {
    const AT: &'static [Component] = &[Component::EtcdMetrics];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the metrics of etcd can be read without credentials", metrics(&["etcd_"]))
    }
}
