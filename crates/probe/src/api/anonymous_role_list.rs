//! PV-P009.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists cluster roles without credentials
///
/// ## Why
/// Roles show which identities are worth attacking.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P009", severity = Medium, scope = World)]
pub(crate) struct AnonymousRoleList {}

impl EndpointProbe for AnonymousRoleList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/apis/rbac.authorization.k8s.io/v1/clusterroles?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "cluster roles can be listed without credentials", list("ClusterRoleList"))
    }
}
