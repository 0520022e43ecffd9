//! PV-P001.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server tells its version without credentials
///
/// ## Why
/// The exact version tells an attacker which vulnerabilities to try.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P001", severity = Low, scope = World)]
pub(crate) struct AnonymousApiVersion {}

impl EndpointProbe for AnonymousApiVersion {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/version")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the version of the API server can be read without credentials",
            object(&["gitVersion", "major", "minor"]),
        )
    }
}
