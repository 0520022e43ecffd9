//! PV-P050.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{list, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet lists its pods without credentials
///
/// ## Why
/// Pod specifications contain images, arguments, environment variables and addresses.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P050", severity = High, scope = World)]
pub(crate) struct KubeletAnonymousPods {}

impl EndpointProbe for KubeletAnonymousPods {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/pods")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the pods of the node can be listed without credentials", list("PodList"))
    }
}
