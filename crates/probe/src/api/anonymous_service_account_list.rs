//! PV-P010.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists ServiceAccounts without credentials
///
/// ## Why
/// The names of ServiceAccounts show which identities exist.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P010", severity = Medium, scope = World)]
pub(crate) struct AnonymousServiceAccountList {}

impl EndpointProbe for AnonymousServiceAccountList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/serviceaccounts?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "ServiceAccounts can be listed without credentials",
            list("ServiceAccountList"),
        )
    }
}
