//! PV-P115.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods that run as root are admitted
///
/// ## Why
/// A process that runs as root in a container is root on the node if it escapes.
///
/// ## Fix
/// Enforce the Pod Security level `restricted` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P115", severity = Medium, scope = World)]
pub(crate) struct RootPodAdmitted {}

impl AdmissionProbe for RootPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "runs as root";

    fn change(pod: &mut Value) {
        pod["spec"]["securityContext"]["runAsNonRoot"] = json!(false);
        pod["spec"]["securityContext"]["runAsUser"] = json!(0);
    }
}
