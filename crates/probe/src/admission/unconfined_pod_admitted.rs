//! PV-P119.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods without a seccomp profile are admitted
///
/// ## Why
/// Without a profile, all system calls of the kernel can be attacked.
///
/// ## Fix
/// Enforce the Pod Security level `restricted` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P119", severity = Medium, scope = World)]
pub(crate) struct UnconfinedPodAdmitted {}

impl AdmissionProbe for UnconfinedPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "has no seccomp profile";

    fn change(pod: &mut Value) {
        pod["spec"]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
    }
}
