//! PV-P034.

use pavisade_macros::check;

use super::certificate_or;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Certificate with a weak key or signature
///
/// ## Why
/// An RSA key of less than 2048 bits can be factored, and signatures with MD5 or SHA-1 can be
/// forged.
///
/// ## Fix
/// Issue a certificate with an ECDSA key or an RSA key of at least 2048 bits, signed with SHA-256
/// or better.
#[check(id = "PV-P034", severity = High, scope = World)]
pub(crate) struct WeakCertificate {}

impl EndpointProbe for WeakCertificate {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate_or(seen, |leaf, _| leaf.weakness())
    }
}
