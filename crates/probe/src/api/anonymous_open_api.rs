//! PV-P003.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server serves its schema without credentials
///
/// ## Why
/// The schema lists all resources of the cluster, including those of installed products.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P003", severity = Low, scope = World)]
pub(crate) struct AnonymousOpenApi {}

impl EndpointProbe for AnonymousOpenApi {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/openapi/v2")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the schema of the API can be read without credentials", |page| {
            let start: String = page.text().chars().take(200).collect();
            let is = start.contains("\"swagger\"") && start.contains("Kubernetes");
            is.then(|| "an OpenAPI document".to_owned())
        })
    }
}
