//! PV-P066.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::readable;
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Kubelet health port is reachable over the network
///
/// ## Why
/// The port belongs on loopback. It shows an attacker that a kubelet runs there, and when it
/// restarts.
///
/// ## Fix
/// Set `healthzBindAddress: 127.0.0.1` in the configuration of the kubelet.
#[check(id = "PV-P066", severity = Low, scope = World)]
pub(crate) struct KubeletHealthExposed {}

impl EndpointProbe for KubeletHealthExposed {
    const AT: &'static [Component] = &[Component::KubeletHealth];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/healthz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "the health port of the kubelet is reachable over the network", |page| {
            (page.text().trim() == "ok").then(|| "ok".to_owned())
        })
    }
}
