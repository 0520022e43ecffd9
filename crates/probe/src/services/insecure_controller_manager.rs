//! PV-P086.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Controller manager without TLS and authentication
///
/// ## Why
/// The old port serves metrics and profiles without authentication.
///
/// ## Fix
/// Set `--port=0`. The port was removed in Kubernetes 1.24.
#[check(id = "PV-P086", severity = Medium, scope = World)]
pub(crate) struct InsecureControllerManager {}

impl EndpointProbe for InsecureControllerManager {
    const AT: &'static [Component] = &[Component::InsecureControllerManager];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the controller manager can be read without TLS and credentials",
            metrics(&["workqueue_", "node_collector_", "kubernetes_"]),
        )
    }
}
