//! PV-P124.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with unsafe kernel settings are admitted
///
/// ## Why
/// Some kernel settings are shared with the node, and can stop or weaken it.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P124", severity = Medium, scope = World)]
pub(crate) struct UnsafeSysctlAdmitted {}

impl AdmissionProbe for UnsafeSysctlAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "sets an unsafe sysctl";

    fn change(pod: &mut Value) {
        pod["spec"]["securityContext"]["sysctls"] =
            json!([{"name": "kernel.msgmax", "value": "65536"}]);
    }
}
