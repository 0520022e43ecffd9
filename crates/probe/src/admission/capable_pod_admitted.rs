//! PV-P117.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with dangerous capabilities are admitted
///
/// ## Why
/// With `SYS_ADMIN`, a container can mount file systems and leave its namespaces.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P117", severity = High, scope = World)]
pub(crate) struct CapablePodAdmitted {}

impl AdmissionProbe for CapablePodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "adds the capability SYS_ADMIN";

    fn change(pod: &mut Value) {
        pod["spec"]["containers"][0]["securityContext"]["capabilities"] =
            json!({"drop": ["ALL"], "add": ["SYS_ADMIN"]});
    }
}
