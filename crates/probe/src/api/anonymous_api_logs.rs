//! PV-P013.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{directory, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server serves log files without credentials
///
/// ## Why
/// Log files of the control plane contain names, addresses and errors.
///
/// ## Fix
/// Set `--enable-logs-handler=false`. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P013", severity = High, scope = World)]
pub(crate) struct AnonymousApiLogs {}

impl EndpointProbe for AnonymousApiLogs {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/logs/")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "log files can be listed without credentials", directory)
    }
}
