//! PV-P158.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can add ephemeral containers
///
/// ## Why
/// An ephemeral container runs in the namespaces of a pod, with an image of the attacker. The pod
/// of the probe is never scheduled.
///
/// ## Fix
/// Do not permit `update` and `patch` on `pods/ephemeralcontainers`. Remove the permission from
/// identities that do not need it, and alert on the audit event.
#[check(id = "PV-P158", severity = High, scope = World)]
pub(crate) struct CanaryEphemeralContainer {}

impl ActiveProbe for CanaryEphemeralContainer {
    const TECHNIQUES: &'static [&'static str] = &["T1609"];
    const OWASP: &'static str = "K02";

    fn steps(canary: &Canary) -> Vec<Step> {
        let name = canary.name();
        let path = canary.within(&format!("pods/{name}/ephemeralcontainers"));
        let security = canary.pod(|_| ());
        let container = match &security {
            Step::Create { object, .. } => {
                object["spec"]["containers"][0]["securityContext"].clone()
            }
            _ => json!({}),
        };
        let patch = json!({"spec": {"ephemeralContainers": [{
            "name": "probe-debug",
            "image": canary.image,
            "securityContext": container,
        }]}});
        let kind = "application/strategic-merge-patch+json";
        vec![security, Step::Send { method: "PATCH", path, body: Some((kind, patch)), proof: None }]
    }
}
