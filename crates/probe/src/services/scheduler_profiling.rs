//! PV-P084.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{profiler, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Scheduler serves its profiler without credentials
///
/// ## Why
/// Profiles contain memory addresses and arguments, and making them costs CPU time.
///
/// ## Fix
/// Set `--profiling=false` of kube-scheduler. Remove the path from
/// `--authorization-always-allow-paths` of kube-scheduler, and set `--bind-address=127.0.0.1` if
/// nothing else needs the port.
#[check(id = "PV-P084", severity = Medium, scope = World)]
pub(crate) struct SchedulerProfiling {}

impl EndpointProbe for SchedulerProfiling {
    const AT: &'static [Component] = &[Component::Scheduler];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/debug/pprof/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the profiler of the scheduler can be used without credentials", profiler)
    }
}
