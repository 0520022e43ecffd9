//! PV-P151.

use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can read Secrets
///
/// ## Why
/// Secrets contain credentials. The probe reads only its own canary Secret.
///
/// ## Fix
/// Do not permit `get`, `list` and `watch` on `secrets`. Remove the permission from identities
/// that do not need it, and alert on the audit event.
#[check(id = "PV-P151", severity = High, scope = World)]
pub(crate) struct CanarySecretRead {}

impl ActiveProbe for CanarySecretRead {
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K03";

    fn steps(canary: &Canary) -> Vec<Step> {
        let path = canary.within(&format!("secrets/{}", canary.name()));
        vec![
            canary.create("secrets", "Secret", &json!({"stringData": {"canary": "not a secret"}})),
            Step::Send { method: "GET", path, body: None, proof: None },
        ]
    }
}
