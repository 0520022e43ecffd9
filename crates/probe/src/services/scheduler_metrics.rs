//! PV-P083.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Scheduler serves metrics without credentials
///
/// ## Why
/// Metrics contain the names of queues and plugins, and the load of the cluster.
///
/// ## Fix
/// Remove the path from `--authorization-always-allow-paths` of kube-scheduler, and set
/// `--bind-address=127.0.0.1` if nothing else needs the port.
#[check(id = "PV-P083", severity = Medium, scope = World)]
pub(crate) struct SchedulerMetrics {}

impl EndpointProbe for SchedulerMetrics {
    const AT: &'static [Component] = &[Component::Scheduler];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of the scheduler can be read without credentials",
            metrics(&["scheduler_"]),
        )
    }
}
