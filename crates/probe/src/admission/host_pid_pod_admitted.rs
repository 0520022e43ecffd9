//! PV-P111.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with the process namespace of the host are admitted
///
/// ## Why
/// The pod sees all processes of its node, and their environment if it runs as their user.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P111", severity = High, scope = World)]
pub(crate) struct HostPidPodAdmitted {}

impl AdmissionProbe for HostPidPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "uses hostPID";

    fn change(pod: &mut Value) {
        pod["spec"]["hostPID"] = json!(true);
    }
}
