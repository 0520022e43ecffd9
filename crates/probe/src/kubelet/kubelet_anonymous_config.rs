//! PV-P058.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet shows its configuration without credentials
///
/// ## Why
/// The configuration shows which protections of the node are off.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P058", severity = Medium, scope = World)]
pub(crate) struct KubeletAnonymousConfig {}

impl EndpointProbe for KubeletAnonymousConfig {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/configz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the configuration of the kubelet can be read without credentials",
            object(&["kubeletconfig"]),
        )
    }
}
