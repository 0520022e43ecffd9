//! PV-P036.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::Leaf;
use crate::Component;
use crate::probe::Seen;

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

impl CertificateProbe for CertificateNameMismatch {
    const SERVERS: &'static [Component] = Component::ADDRESSED;

    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let address = seen.target.address.ip();
        let named = leaf.addresses().contains(&address);
        Ok((!named).then(|| format!("the certificate does not name {address}")))
    }
}
