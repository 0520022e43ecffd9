//! PV-P116.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods that may gain privileges are admitted
///
/// ## Why
/// A process can gain privileges of its parent with setuid programs.
///
/// ## Fix
/// Enforce the Pod Security level `restricted` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P116", severity = Medium, scope = World)]
pub(crate) struct EscalatingPodAdmitted {}

impl AdmissionProbe for EscalatingPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "allows privilege escalation";

    fn change(pod: &mut Value) {
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    }
}
