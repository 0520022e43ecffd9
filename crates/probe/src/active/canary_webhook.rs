//! PV-P160.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can create admission webhooks
///
/// ## Why
/// A webhook sees all objects that are created, including Secrets, and can stop the cluster. The
/// webhook of the probe applies only to its own namespace and is ignored when it fails.
///
/// ## Fix
/// Do not permit `create` on `validatingwebhookconfigurations` and
/// `mutatingwebhookconfigurations`. Remove the permission from identities that do not need it,
/// and alert on the audit event.
#[check(id = "PV-P160", severity = High, scope = World)]
pub(crate) struct CanaryWebhook {}

impl ActiveProbe for CanaryWebhook {
    const TECHNIQUES: &'static [&'static str] = &["T1562.001"];
    const OWASP: &'static str = "K04";

    fn steps(canary: &Canary) -> Vec<Step> {
        let version = "admissionregistration.k8s.io/v1";
        let only = json!({"matchLabels": {"kubernetes.io/metadata.name": canary.name()}});
        let webhooks = json!([{
            "name": "probe.pavisade.dev",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "timeoutSeconds": 1,
            "namespaceSelector": only,
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["configmaps"], "scope": "Namespaced",
            }],
        }]);
        vec![Step::Create {
            collection: format!("/apis/{version}/validatingwebhookconfigurations"),
            object: canary.object(
                version,
                "ValidatingWebhookConfiguration",
                &json!({"webhooks": webhooks}),
            ),
        }]
    }
}
