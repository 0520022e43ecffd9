//! PV-P035.

use pavisade_macros::check;

use super::certificate;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Self-signed certificate
///
/// ## Why
/// Clients cannot verify the certificate by an authority, so that they usually do not verify it
/// at all, and an attacker in between is not noticed.
///
/// ## Fix
/// Issue the certificate by an authority that clients know: `serverTLSBootstrap: true` for
/// kubelets, `--tls-cert-file` for others.
#[check(id = "PV-P035", severity = Medium, scope = World)]
pub(crate) struct SelfSignedCertificate {}

impl EndpointProbe for SelfSignedCertificate {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate(seen, |leaf, _| {
            leaf.is_self_signed()
                .then(|| format!("the certificate of {} is self-signed", leaf.subject()))
        })
    }
}
