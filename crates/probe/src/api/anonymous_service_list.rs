//! PV-P017.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists Services without credentials
///
/// ## Why
/// Services are the map of the cluster: which applications exist, and at which addresses.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P017", severity = Medium, scope = World)]
pub(crate) struct AnonymousServiceList {}

impl EndpointProbe for AnonymousServiceList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/services?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "Services can be listed without credentials", list("ServiceList"))
    }
}
