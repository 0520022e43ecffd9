//! Probes of TLS handshakes.

mod certificate_expires_soon;
mod certificate_name_mismatch;
mod certificate_names_people;
mod expired_certificate_served;
mod leaf;
mod old_tls_version;
mod plaintext_accepted;
mod self_signed_certificate;
mod weak_certificate;
mod weak_cipher_suite_accepted;

pub(crate) use certificate_expires_soon::CertificateExpiresSoon;
pub(crate) use certificate_name_mismatch::CertificateNameMismatch;
pub(crate) use certificate_names_people::CertificateNamesPeople;
pub(crate) use expired_certificate_served::ExpiredCertificateServed;
pub(crate) use old_tls_version::OldTlsVersion;
pub(crate) use plaintext_accepted::PlaintextAccepted;
pub(crate) use self_signed_certificate::SelfSignedCertificate;
pub(crate) use weak_certificate::WeakCertificate;
pub(crate) use weak_cipher_suite_accepted::WeakCipherSuiteAccepted;

use leaf::{Leaf, is_short};

use crate::probe::Seen;
use crate::shape::closed;
use crate::{Answer, Ask, Closed, Component, Described, EndpointProbe, Offer, Target, Verdict};

/// Reads a certificate and what probes look at, for the fuzz target.
#[doc(hidden)]
pub fn read_certificate(der: &[u8]) -> Option<String> {
    let leaf = Leaf::read(der)?;
    let _ = (leaf.validity(), leaf.is_self_signed(), leaf.addresses(), leaf.names());
    Some(leaf.weakness().ok().flatten().unwrap_or_else(|| leaf.subject()))
}

/// Whether a certificate (DER) has an RSA key that is too short.
pub(crate) fn has_short_key(der: &[u8]) -> bool {
    Leaf::read(der).is_some_and(|leaf| leaf.rsa_bits().is_ok_and(|bits| bits.is_some_and(is_short)))
}

/// A probe of the certificate that a server presents to current clients.
trait CertificateProbe: Described {
    /// What is wrong with the certificate.
    ///
    /// # Errors
    /// A part of it cannot be read.
    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String>;
}

impl<T: CertificateProbe> EndpointProbe for T {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let facts = match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Tls(facts)) => facts,
            // A server that wants a client certificate may hide its own: nothing is proven about
            // it.
            Some(Answer::TlsRefused(why)) => {
                return Verdict::Unknown(format!("the TLS handshake failed: {why}"));
            }
            Some(other) => return closed(other),
            None => return Verdict::Unknown("nothing was sent".to_owned()),
        };
        let Some(leaf) = facts.chain.first().and_then(|der| Leaf::read(der)) else {
            return Verdict::Unknown("the certificate cannot be read".to_owned());
        };
        match T::wrong(&leaf, seen) {
            Ok(Some(message)) => Verdict::Open {
                message,
                proof: format!("{}, certificate {}", facts.version, leaf.fingerprint()),
            },
            Err(why) => Verdict::Unknown(why),
            Ok(None) => Verdict::Closed(Closed::Good, format!("certificate of {}", leaf.subject())),
        }
    }
}

/// Judges a server that did not accept an old offer.
fn refused(answer: &Answer) -> Verdict {
    match answer {
        Answer::TlsRefused(why) => Verdict::Closed(Closed::Good, format!("refused: {why}")),
        other => closed(other),
    }
}
