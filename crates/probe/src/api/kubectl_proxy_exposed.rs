//! PV-P019.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{readable, versions};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// kubectl proxy is reachable over the network
///
/// ## Why
/// Requests are sent with the credentials of the person who started it.
///
/// ## Fix
/// Start `kubectl proxy` without `--address` and `--accept-hosts`, so that it uses loopback only.
#[check(id = "PV-P019", severity = Critical, scope = World)]
pub(crate) struct KubectlProxyExposed {}

impl EndpointProbe for KubectlProxyExposed {
    const AT: &'static [Component] = &[Component::KubectlProxy];
    const TECHNIQUES: &'static [&'static str] = &["T1133"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/api")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the API can be used with the credentials of the person who started kubectl proxy",
            versions,
        )
    }
}
