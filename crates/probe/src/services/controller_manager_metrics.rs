//! PV-P080.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{metrics, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Controller manager serves metrics without credentials
///
/// ## Why
/// Metrics contain names of controllers, nodes and the state of certificates.
///
/// ## Fix
/// Remove the path from `--authorization-always-allow-paths` of kube-controller-manager, and set
/// `--bind-address=127.0.0.1` if nothing else needs the port.
#[check(id = "PV-P080", severity = Medium, scope = World)]
pub(crate) struct ControllerManagerMetrics {}

impl EndpointProbe for ControllerManagerMetrics {
    const AT: &'static [Component] = &[Component::ControllerManager];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/metrics")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the metrics of the controller manager can be read without credentials",
            metrics(&["workqueue_", "node_collector_", "kubernetes_"]),
        )
    }
}
