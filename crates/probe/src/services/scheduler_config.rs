//! PV-P085.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Scheduler shows its configuration without credentials
///
/// ## Why
/// The configuration shows how pods are placed, and which extenders are called.
///
/// ## Fix
/// Remove the path from `--authorization-always-allow-paths` of kube-scheduler, and set
/// `--bind-address=127.0.0.1` if nothing else needs the port.
#[check(id = "PV-P085", severity = Low, scope = World)]
pub(crate) struct SchedulerConfig {}

impl EndpointProbe for SchedulerConfig {
    const AT: &'static [Component] = &[Component::Scheduler];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/configz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the configuration of the scheduler can be read without credentials",
            object(&["componentconfig"]),
        )
    }
}
