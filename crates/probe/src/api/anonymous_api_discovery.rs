//! PV-P002.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{any_readable, json};
use crate::{Ask, Component, EndpointProbe, Page, Target, Verdict};

/// API server lists its APIs without credentials
///
/// ## Why
/// The list of API groups shows which controllers and products the cluster runs.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P002", severity = Low, scope = World)]
pub(crate) struct AnonymousApiDiscovery {}

impl EndpointProbe for AnonymousApiDiscovery {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api"), Ask::get(target, "/apis")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        any_readable(seen, "the served APIs can be listed without credentials", |page| {
            kind(page, "APIVersions").or_else(|| kind(page, "APIGroupList"))
        })
    }
}

fn kind(page: &Page, wanted: &str) -> Option<String> {
    let body = json(page)?;
    let listed = body.get("groups").or_else(|| body.get("versions")).is_some();
    let is = body.get("kind")?.as_str()? == wanted && listed;
    is.then(|| wanted.to_owned())
}
