//! PV-P036.

use pavisade_macros::check;

use super::certificate;
use crate::probe::Seen;
use crate::{Ask, Component, EndpointProbe, Offer, Target, Verdict};

/// Certificate does not name the address
///
/// ## Why
/// Clients that verify the certificate cannot connect at this address, so that verification is
/// often turned off.
///
/// ## Fix
/// Issue a certificate with the address or name that clients use as a subject alternative name.
#[check(id = "PV-P036", severity = Low, scope = World)]
pub(crate) struct CertificateNameMismatch {}

impl EndpointProbe for CertificateNameMismatch {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        certificate(seen, |leaf, seen| {
            let address = seen.target.address.ip();
            let named = leaf.addresses().contains(&address);
            (!named).then(|| format!("the certificate does not name {address}"))
        })
    }
}
