//! PV-P118.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with ports of the host are admitted
///
/// ## Why
/// The pod is reachable at the address of its node, past Services and their protection.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P118", severity = Medium, scope = World)]
pub(crate) struct HostPortPodAdmitted {}

impl AdmissionProbe for HostPortPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "uses a host port";

    fn change(pod: &mut Value) {
        pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 8080, "hostPort": 8080}]);
    }
}
