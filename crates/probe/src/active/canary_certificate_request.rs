//! PV-P156.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pavisade_macros::check;
use serde_json::json;

use crate::probe::ActiveProbe;
use crate::{Canary, Step};

/// Identity can request client certificates
///
/// ## Why
/// Once approved, a client certificate cannot be revoked. The probe requests one for a canary
/// name, and it is never approved.
///
/// ## Fix
/// Do not permit `create` on `certificatesigningrequests`. Remove the permission from identities
/// that do not need it, and alert on the audit event.
#[check(id = "PV-P156", severity = Medium, scope = World)]
pub(crate) struct CanaryCertificateRequest {}

impl ActiveProbe for CanaryCertificateRequest {
    const TECHNIQUES: &'static [&'static str] = &["T1098"];
    const OWASP: &'static str = "K09";

    fn steps(canary: &Canary) -> Vec<Step> {
        let Some(request) = request(&canary.name()) else { return Vec::new() };
        let spec = json!({
            "request": request,
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "expirationSeconds": 600,
        });
        let version = "certificates.k8s.io/v1";
        vec![Step::Create {
            collection: format!("/apis/{version}/certificatesigningrequests"),
            object: canary.object(version, "CertificateSigningRequest", &json!({"spec": spec})),
        }]
    }
}

/// Returns a signing request (PKCS #10) in PEM and base64. Its key is forgotten at once.
fn request(name: &str) -> Option<String> {
    let key = rcgen::KeyPair::generate().ok()?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).ok()?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let pem = parameters.serialize_request(&key).ok()?.pem().ok()?;
    Some(BASE64_STANDARD.encode(pem))
}
