//! Probes of TLS handshakes.

mod certificate_expires_soon;
mod certificate_name_mismatch;
mod certificate_names_people;
mod certificate_of_other_authority;
mod expired_certificate_served;
mod http2_streams_unlimited;
mod leaf;
mod old_tls_version;
mod outdated_certificate_served;
mod plaintext_accepted;
mod self_signed_certificate;
mod weak_certificate;
mod weak_cipher_suite_accepted;

pub(crate) use certificate_expires_soon::CertificateExpiresSoon;
pub(crate) use certificate_name_mismatch::CertificateNameMismatch;
pub(crate) use certificate_names_people::CertificateNamesPeople;
pub(crate) use certificate_of_other_authority::CertificateOfOtherAuthority;
pub(crate) use expired_certificate_served::ExpiredCertificateServed;
pub(crate) use http2_streams_unlimited::Http2StreamsUnlimited;
pub(crate) use old_tls_version::OldTlsVersion;
pub(crate) use outdated_certificate_served::OutdatedCertificateServed;
pub(crate) use plaintext_accepted::PlaintextAccepted;
pub(crate) use self_signed_certificate::SelfSignedCertificate;
pub(crate) use weak_certificate::WeakCertificate;
pub(crate) use weak_cipher_suite_accepted::WeakCipherSuiteAccepted;

use leaf::{Leaf, is_short};

use crate::probe::Seen;
use crate::shape::{closed, worst};
use crate::{
    Answer, Ask, Closed, Component, Described, EndpointProbe, Offer, Target, TlsFacts, Verdict,
};

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
    /// The servers whose certificates it checks.
    const SERVERS: &'static [Component] = Component::TLS;

    /// What is wrong with the certificate.
    ///
    /// # Errors
    /// A part of it cannot be read.
    fn wrong(leaf: &Leaf, seen: &Seen<'_>) -> Result<Option<String>, String>;
}

impl<T: CertificateProbe> EndpointProbe for T {
    const AT: &'static [Component] = T::SERVERS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let (facts, leaf) = match presented(seen) {
            Ok(both) => both,
            Err(verdict) => return verdict,
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

/// Returns what the handshake showed, and the certificate of the server.
///
/// # Errors
/// The verdict if there is none.
fn presented<'s>(seen: &'s Seen<'_>) -> Result<(&'s TlsFacts, Leaf), Verdict> {
    let facts = match seen.exchanges.first().map(|exchange| &exchange.answer) {
        Some(Answer::Tls(facts)) => facts,
        // A server that wants a client certificate may hide its own: nothing is proven about it.
        Some(Answer::TlsRefused(why)) => {
            return Err(Verdict::Unknown(format!("the TLS handshake failed: {why}")));
        }
        Some(other) => return Err(closed(other)),
        None => return Err(Verdict::Unknown("nothing was sent".to_owned())),
    };
    match facts.chain.first().and_then(|der| Leaf::read(der)) {
        Some(leaf) => Ok((facts, leaf)),
        None => Err(Verdict::Unknown("the certificate cannot be read".to_owned())),
    }
}

/// Compares the certificate of the server with files. `what` is what no file contains if there is
/// nothing to compare it with.
fn compared(
    seen: &Seen<'_>,
    what: &str,
    verdicts: impl FnOnce(&TlsFacts, &Leaf) -> Vec<Verdict>,
) -> Verdict {
    let (facts, leaf) = match presented(seen) {
        Ok(both) => both,
        Err(verdict) => return verdict,
    };
    let verdicts = verdicts(facts, &leaf);
    match verdicts.is_empty() {
        true => Verdict::NotApplicable(format!("no file contains {what} for it")),
        false => worst(verdicts.into_iter()),
    }
}

/// Judges a server that did not accept an old offer.
fn refused(answer: &Answer) -> Verdict {
    match answer {
        Answer::TlsRefused(why) => Verdict::Closed(Closed::Good, format!("refused: {why}")),
        other => closed(other),
    }
}

#[cfg(test)]
mod tests;
