//! PV-P008.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server lists ConfigMaps without credentials
///
/// ## Why
/// ConfigMaps contain the configuration of applications, and often credentials.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P008", severity = High, scope = World)]
pub(crate) struct AnonymousConfigMapList {}

impl EndpointProbe for AnonymousConfigMapList {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api/v1/configmaps?limit=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "ConfigMaps can be listed without credentials", list("ConfigMapList"))
    }
}
