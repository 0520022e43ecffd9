//! PV-P021.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::any_readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server tells the details of its health without credentials
///
/// ## Why
/// The names of the checks show how the API server is configured, for example with which
/// encryption provider.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P021", severity = Low, scope = World)]
pub(crate) struct AnonymousApiHealthDetails {}

impl EndpointProbe for AnonymousApiHealthDetails {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/livez?verbose"), Ask::get(target, "/readyz?verbose")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        any_readable(seen, "the details of health checks can be read without credentials", |page| {
            page.text().contains("[+]").then(|| "a list of health checks".to_owned())
        })
    }
}
