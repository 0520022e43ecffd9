//! PV-P034.

use pavisade_macros::check;

use super::CertificateProbe;
use super::leaf::Leaf;
use crate::probe::Seen;

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

impl CertificateProbe for WeakCertificate {
    fn wrong(leaf: &Leaf, _: &Seen<'_>) -> Result<Option<String>, String> {
        leaf.weakness()
    }
}
