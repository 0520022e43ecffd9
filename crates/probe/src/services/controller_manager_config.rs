//! PV-P082.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{object, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// Controller manager shows its configuration without credentials
///
/// ## Why
/// The configuration shows which controllers run and where keys are stored.
///
/// ## Fix
/// Remove the path from `--authorization-always-allow-paths` of kube-controller-manager, and set
/// `--bind-address=127.0.0.1` if nothing else needs the port.
#[check(id = "PV-P082", severity = Medium, scope = World)]
pub(crate) struct ControllerManagerConfig {}

impl EndpointProbe for ControllerManagerConfig {
    const AT: &'static [Component] = &[Component::ControllerManager];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/configz")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(
            seen,
            "the configuration of the controller manager can be read without credentials",
            object(&["kubecontrollermanager.config.k8s.io"]),
        )
    }
}
