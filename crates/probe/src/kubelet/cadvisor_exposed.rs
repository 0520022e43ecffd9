//! PV-P067.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// cAdvisor is open
///
/// ## Why
/// cAdvisor shows the names, images and resource usage of all containers without authentication.
///
/// ## Fix
/// Remove `--cadvisor-port`, or restrict access to the port.
#[check(id = "PV-P067", severity = Medium, scope = World)]
pub(crate) struct CadvisorExposed {}

impl EndpointProbe for CadvisorExposed {
    const AT: &'static [Component] = &[Component::CAdvisor];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "cAdvisor can be read without credentials",
            metrics(&["container_", "machine_", "cadvisor_"]),
        )
    }
}
