//! PV-P112.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with the IPC namespace of the host are admitted
///
/// ## Why
/// The pod can read shared memory of processes on its node.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P112", severity = High, scope = World)]
pub(crate) struct HostIpcPodAdmitted {}

impl AdmissionProbe for HostIpcPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "uses hostIPC";

    fn change(pod: &mut Value) {
        pod["spec"]["hostIPC"] = json!(true);
    }
}
