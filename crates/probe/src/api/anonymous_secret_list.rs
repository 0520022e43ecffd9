//! PV-P006.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists Secrets without credentials
///
/// ## Why
/// Secrets contain credentials and keys, in plain text for anyone who can list them.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P006", severity = Critical, scope = World)]
pub(crate) struct AnonymousSecretList {}

impl EndpointProbe for AnonymousSecretList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/secrets?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "Secrets can be listed without credentials", list("SecretList"))
    }
}
