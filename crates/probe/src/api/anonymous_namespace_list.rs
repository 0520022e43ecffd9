//! PV-P004.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists namespaces without credentials
///
/// ## Why
/// The names of namespaces show what the cluster runs and for whom.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P004", severity = Medium, scope = World)]
pub(crate) struct AnonymousNamespaceList {}

impl EndpointProbe for AnonymousNamespaceList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/namespaces?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "namespaces can be listed without credentials", list("NamespaceList"))
    }
}
