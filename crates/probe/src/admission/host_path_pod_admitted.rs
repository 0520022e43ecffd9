//! PV-P114.

use pavisade_macros::check;
use serde_json::{Value, json};

use crate::probe::AdmissionProbe;

/// Pods with directories of the host are admitted
///
/// ## Why
/// A host path can contain credentials of the node, and a writable one lets the pod change what
/// the node runs.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` with the label `pod-security.kubernetes.io/enforce`
/// of the namespace, or a validating admission policy.
#[check(id = "PV-P114", severity = High, scope = World)]
pub(crate) struct HostPathPodAdmitted {}

impl AdmissionProbe for HostPathPodAdmitted {
    const TECHNIQUES: &'static [&'static str] = &["T1610", "T1611"];
    const OWASP: &'static str = "K01";
    const DOES: &'static str = "mounts a host path";

    fn change(pod: &mut Value) {
        let container = &mut pod["spec"]["containers"][0];
        container["volumeMounts"] =
            json!([{"name": "host", "mountPath": "/host", "readOnly": true}]);
        let path = json!({"path": "/etc/pavisade-probe-canary"});
        pod["spec"]["volumes"] = json!([{"name": "host", "hostPath": path}]);
    }
}
