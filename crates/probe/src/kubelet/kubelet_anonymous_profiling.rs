//! PV-P057.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet serves its profiler without credentials
///
/// ## Why
/// Profiles contain memory addresses and arguments, and making them costs CPU time.
///
/// ## Fix
/// Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook` in the
/// configuration of the kubelet. Remove roles for `system:anonymous` that permit `nodes/proxy`
/// and other subresources of nodes.
#[check(id = "PV-P057", severity = Medium, scope = World)]
pub(crate) struct KubeletAnonymousProfiling {}

impl EndpointProbe for KubeletAnonymousProfiling {
    const AT: &'static [Component] = &[Component::Kubelet];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        // The kubelet has no index of its profiles.
        vec![Ask::get(target, "/debug/pprof/goroutine?debug=1")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the profiler of the kubelet can be used without credentials", |page| {
            let is = page.text().starts_with("goroutine profile: total ");
            is.then(|| "a profile".to_owned())
        })
    }
}
