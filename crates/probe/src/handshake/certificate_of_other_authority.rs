//! PV-P040.

use std::sync::Arc;
use std::time::Duration;

use pavisade_macros::check;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::compared;
use super::leaf::Leaf;
use crate::known::Authority;
use crate::probe::Seen;
use crate::{Ask, Closed, Component, EndpointProbe, Offer, Target, TlsFacts, Verdict};

/// Certificate is not issued by the configured authority
///
/// ## Why
/// Clients that are configured with the authority cannot connect, so that a webhook is skipped or
/// verification is turned off; or an attacker in between presents their own certificate.
///
/// ## Fix
/// Find out which program presents the certificate. If it is the right one, distribute its authority
/// (`caBundle`, `certificate-authority-data`) before certificates are issued by it.
#[check(id = "PV-P040", severity = Medium, scope = World)]
pub(crate) struct CertificateOfOtherAuthority {}

impl EndpointProbe for CertificateOfOtherAuthority {
    const AT: &'static [Component] = Component::TLS;
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";
    const COMPARES: bool = true;

    fn asks(_: &Target) -> Vec<Ask> {
        vec![Ask::Handshake(Offer::Current)]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        compared(seen, "an authority", |facts, leaf| {
            let all = seen.known.authorities(seen.target.address);
            all.map(|one| issued(one, facts, leaf, seen.now)).collect()
        })
    }
}

/// Judges whether a chain leads to one of the authorities. Its names and its age are not checked.
fn issued(authority: &Authority, facts: &TlsFacts, leaf: &Leaf, now: i64) -> Verdict {
    let place = &authority.place;
    let good = || Verdict::Closed(Closed::Good, format!("issued by an authority in {place}"));
    // A certificate may be its own authority.
    if facts.chain.first().is_some_and(|der| authority.certificates.contains(der)) {
        return good();
    }
    let mut roots = RootCertStore::empty();
    // One that cannot be read does not hide the others.
    let all = authority.certificates.iter().map(|der| CertificateDer::from(der.as_slice()));
    let (_, ignored) = roots.add_parsable_certificates(all.map(CertificateDer::into_owned));
    match path(&roots, &facts.chain, leaf.validity(), now) {
        Ok(()) => good(),
        Err(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => match ignored {
            0 => Verdict::Open {
                message: format!("the certificate is not issued by an authority in {place}"),
                proof: format!("certificate {} of {}", leaf.fingerprint(), leaf.issuer()),
            },
            _ => Verdict::Unknown(format!("an authority in {place} cannot be read")),
        },
        Err(error) => Verdict::Unknown(format!(
            "it is not known whether an authority in {place} issued the certificate: {error}"
        )),
    }
}

fn path(
    roots: &RootCertStore,
    chain: &[Vec<u8>],
    (from, until): (i64, i64),
    now: i64,
) -> Result<(), Error> {
    let all: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let (own, others) = all.split_first().ok_or(Error::NoCertificatesPresented)?;
    // Other probes say that it has expired.
    let now = now.clamp(from, until.max(from));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.try_into().unwrap_or_default()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(own)?,
        roots,
        others,
        now,
        provider.signature_verification_algorithms.all,
    )
}
