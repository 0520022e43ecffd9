//! PV-P011.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server serves metrics without credentials
///
/// ## Why
/// Metrics contain names of resources, request rates and the state of certificates.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P011", severity = Medium, scope = World)]
pub(crate) struct AnonymousApiMetrics {}

impl EndpointProbe for AnonymousApiMetrics {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K09";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of the API server can be read without credentials",
            metrics(&["apiserver_"]),
        )
    }
}
