//! PV-P113.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with the network of the host are admitted
///
/// ## Why
/// Network policies do not apply to the pod, and it reaches services on loopback of its node.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P113", severity = High, scope = World)]
pub(crate) struct HostNetworkPodAdmitted {}

impl AdmissionProbe for HostNetworkPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "uses hostNetwork";

    fn change(pod: &mut Value) {
        pod["spec"]["hostNetwork"] = json!(true);
    }
}
