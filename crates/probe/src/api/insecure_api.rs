//! PV-P018.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{readable, versions};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server without TLS and authentication
///
/// ## Why
/// Anyone who reaches the port is an administrator of the cluster.
///
/// ## Fix
/// Remove `--insecure-port`. It was removed in Kubernetes 1.24.
#[check(id = "PV-P018", severity = Critical, scope = World)]
pub(crate) struct InsecureApi {}

impl EndpointProbe for InsecureApi {
    const AT: &'static [Component] = &[Component::InsecureApi];
    const TECHNIQUES: &'static [&'static str] = &["T1190", "T1133"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the API can be used without TLS and without credentials", versions)
    }
}
