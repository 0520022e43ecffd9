//! PV-I078.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{integer, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Requests for a client certificate that lives long.
///
/// ## Why
/// A certificate of the signer `kubernetes.io/kube-apiserver-client` is a login that asks for no
/// second factor and cannot be revoked: whoever copies its key is that user until it ends, after a
/// year where the request does not say otherwise.
///
/// ## Fix
/// Let people log in by an OIDC issuer and programs by ServiceAccount tokens. Where it must be a
/// certificate, set `expirationSeconds` to hours.
#[check(
    id = "PV-I078",
    severity = Low,
    scope = Object,
    on = [CERTIFICATE_SIGNING_REQUEST]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientCertificateRequest {
    /// How long the certificate may live, in seconds.
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
                let message = format!("asks for a login of {} days", seconds / 86_400);
                Claim::fails(place, message).into()
            }
            Ok(None) => Claim::fails(
                Place::field(request.value(), &PATH),
                "asks for a login as long as the signer gives it, by default a year",
            )
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}
