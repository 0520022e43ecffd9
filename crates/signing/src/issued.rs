//! Certificates in files: names, validity, and which one signed which.

use crate::certificate::Certificate;

/// A certificate. Only [`Issued::is_issued_by`] verifies anything.
#[derive(Debug, Clone)]
pub struct Issued(Certificate);

impl Issued {
    /// Returns the certificate in DER; `None` if it cannot be read.
    pub fn read(der: &[u8]) -> Option<Self> {
        Certificate::read(der).ok().map(Self)
    }

    /// Returns the subject as DER.
    pub fn subject(&self) -> &[u8] {
        &self.0.subject
    }

    /// Returns the issuer as DER.
    pub fn issuer(&self) -> &[u8] {
        &self.0.issuer
    }

    /// Returns the validity in seconds since 1970.
    pub fn validity(&self) -> (i64, i64) {
        (self.0.not_before.as_second(), self.0.not_after.as_second())
    }

    /// Returns the public key as `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        self.0.spki()
    }

    /// Returns whether a certificate authority issued this: its name, its right to sign certificates
    /// and its signature.
    pub fn is_issued_by(&self, authority: &Self) -> bool {
        self.0.issuer == authority.0.subject
            && authority.0.authority().is_some()
            && self.0.is_signed_by(&authority.0)
    }
}
