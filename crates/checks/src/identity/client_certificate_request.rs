//! PV-I078.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{integer, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Long-lived client certificate request
///
/// ## Why
/// A certificate from the signer `kubernetes.io/kube-apiserver-client` is a login without a second
/// factor that cannot be revoked. Anyone who copies its key is that user until it expires, after a
/// year unless the request sets another duration.
///
/// ## Fix
/// Use an OIDC issuer for people and ServiceAccount tokens for programs. If you need a certificate,
/// set `expirationSeconds` to a few hours.
#[check(
    id = "PV-I078",
    severity = Low,
    scope = Object,
    on = [CERTIFICATE_SIGNING_REQUEST]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientCertificateRequest {
    /// The maximum lifetime of the certificate, in seconds.
    most_seconds: i64,
}

impl Default for ClientCertificateRequest {
    fn default() -> Self {
        Self { most_seconds: 7 * 24 * 3600 }
    }
}

impl Check for ClientCertificateRequest {
    type On = OnObject;

    fn check<'a>(&self, request: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        const PATH: [&str; 2] = ["spec", "expirationSeconds"];
        let signer = match text(request.value(), &["spec", "signerName"]) {
            Ok(signer) => signer.map(|(name, _)| name),
            Err(wrong) => return wrong.into(),
        };
        if signer != Some("kubernetes.io/kube-apiserver-client") {
            return Verdict::NotApplicable;
        }
        match integer(request.value(), &PATH) {
            Ok(Some((seconds, _))) if seconds <= self.most_seconds => Verdict::Holds,
            Ok(Some((seconds, place))) => {
                let message = format!(
                    "requests a client certificate that is valid for {} days",
                    seconds / 86_400
                );
                Claim::fails(place, message).into()
            }
            Ok(None) => Claim::fails(
                Place::field(request.value(), &PATH),
                "requests a client certificate with the default duration of the signer, which is \
                 a year",
            )
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}
