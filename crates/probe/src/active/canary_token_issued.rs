//! PV-P150.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can take the token of a ServiceAccount
///
/// ## Why
/// With the token of a powerful ServiceAccount, an attacker has its permissions. The probe
/// creates a canary without permissions, and uses its token once.
///
/// ## Fix
/// Do not permit `create` on `serviceaccounts/token`. Remove the permission from identities that
/// do not need it, and alert on the audit event.
#[check(id = "PV-P150", severity = High, scope = World)]
pub(crate) struct CanaryTokenIssued {}

impl ActiveProbe for CanaryTokenIssued {
    const TECHNIQUES: &'static [&'static str] = &["T1528"];
    const OWASP: &'static str = "K02";

    fn steps(canary: &Canary) -> Vec<Step> {
        let token = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 600},
        });
        let path = canary.within(&format!("serviceaccounts/{}/token", canary.name()));
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        vec![
            canary.create("serviceaccounts", "ServiceAccount", &json!({})),
            Step::Send {
                method: "POST",
                path,
                body: Some(("application/json", token)),
                proof: None,
            },
            Step::WithToken {
                method: "POST",
                path: "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned(),
                body: review,
            },
        ]
    }
}
