//! PV-P012.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{profiler, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server serves its profiler without credentials
///
/// ## Why
/// Profiles contain memory addresses and arguments, and making them costs CPU time.
///
/// ## Fix
/// Set `--profiling=false`. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P012", severity = Medium, scope = World)]
pub(crate) struct AnonymousApiProfiling {}

impl EndpointProbe for AnonymousApiProfiling {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/debug/pprof/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the profiler of the API server can be used without credentials", profiler)
    }
}
