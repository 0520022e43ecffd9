//! PV-N011.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::boolean;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// APIService without TLS verification
///
/// ## Why
/// A pod that receives the requests at the address of the service can read them, including names
/// and groups of users, and send forged responses.
///
/// ## Fix
/// Remove `insecureSkipTLSVerify` and set `caBundle`, manually or with the cert-manager annotation
/// `cert-manager.io/inject-ca-from`.
#[check(id = "PV-N011", severity = High, scope = Object, on = [API_SERVICE], fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSkipsTlsVerification {}

/// Annotations that inject the `caBundle`.
const INJECTED: [&str; 3] = [
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "service.beta.openshift.io/inject-cabundle",
];

impl Check for WebhookSkipsTlsVerification {
    type On = OnObject;

    fn check<'a>(&self, api: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(service) = api.at(&["spec", "service"]).filter(|s| !s.is_null()) else {
            // Served by the API server itself.
            return Verdict::NotApplicable;
        };
        match boolean(api.value(), &["spec", "insecureSkipTLSVerify"]) {
            Ok(Some((true, skip))) => {
                let claim = Claim::fails(
                    skip,
                    format!(
                        "the API server does not verify the certificate of Service `{}/{}`, which \
                         serves `{}`",
                        service.str("namespace").unwrap_or(""),
                        service.str("name").unwrap_or(""),
                        api.name()
                    ),
                );
                // cert-manager sets `caBundle`, with which the API server rejects skipping
                // verification.
                let injected = INJECTED.iter().any(|key| api.annotation(key).is_some());
                if injected { claim.remove().into() } else { claim.into() }
            }
            Ok(_) => Verdict::Holds,
            Err(wrong) => wrong.into(),
        }
    }
}
