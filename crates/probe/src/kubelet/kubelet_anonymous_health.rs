//! PV-P068.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves its health without credentials
///
/// ## Why
/// An anonymous client that reaches one handler shows that anonymous authentication is on.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P068", severity = Low, scope = World)]
pub(crate) struct KubeletAnonymousHealth {}

impl EndpointProbe for KubeletAnonymousHealth {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/healthz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the health of the kubelet can be read without credentials", |page| {
            (page.text().trim() == "ok").then(|| "ok".to_owned())
        })
    }
}
