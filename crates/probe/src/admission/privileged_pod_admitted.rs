//! PV-P110.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Privileged pods are admitted
///
/// ## Why
/// A privileged container is root of its node.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P110", severity = Critical, scope = World)]
pub(crate) struct PrivilegedPodAdmitted {}

impl AdmissionProbe for PrivilegedPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "is privileged";

    fn change(pod: &mut Value) {
        pod["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
    }
}
