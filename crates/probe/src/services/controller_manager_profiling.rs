//! PV-P081.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{profiler, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Controller manager serves its profiler without credentials
///
/// ## Why
/// Profiles contain memory addresses and arguments, and making them costs CPU time.
///
/// ## Fix
/// Set `--profiling=false` of kube-controller-manager. Remove the path from
/// `--authorization-always-allow-paths` of kube-controller-manager, and set
/// `--bind-address=127.0.0.1` if nothing else needs the port.
#[check(id = "PV-P081", severity = Medium, scope = World)]
pub(crate) struct ControllerManagerProfiling {}

impl EndpointProbe for ControllerManagerProfiling {
    const AT: &'static [Component] = &[Component::ControllerManager];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/debug/pprof/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the profiler of the controller manager can be used without credentials",
            profiler,
        )
    }
}
