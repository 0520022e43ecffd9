//! Signed certificate timestamps that a certificate carries (RFC 6962, section 3.3).

use jiff::Timestamp;

use crate::certificate::{Certificate, oid};
use crate::der;
use crate::hash::Hash;
use crate::result::Why;
use crate::root::TrustRoot;

/// The log of the trust root that recorded the certificate.
pub(crate) fn verify(
    leaf: &Certificate,
    issuer: &Certificate,
    root: &TrustRoot,
) -> Result<String, Why> {
    let extension = leaf
        .extension(oid::SCTS)
        .ok_or(Why::NotInCertificateLog("the certificate carries no proof of that"))?;
    let broken = Why::NotInCertificateLog("what the certificate carries of it is broken");
    let list = der::only(&extension.value, der::OCTET_STRING).map_err(|_| broken.clone())?.value;
    let tbs = leaf.tbs_without(oid::SCTS).map_err(|_| broken.clone())?;
    let scts = list_of(list).ok_or(broken)?;
    let mut why = Why::NotInCertificateLog("it names no log that the trust root knows");
    for sct in scts {
        for log in root.certificate_logs.iter().filter(|log| log.id == sct.log) {
            let at =
                i64::try_from(sct.time).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
            if !at.is_some_and(|at| log.valid.holds(at)) {
                why = Why::NotInCertificateLog("the log did not count at that time");
                continue;
            }
            let message = signed(&sct, &Hash::Sha256.of(issuer.spki()), &tbs);
            if log.key.verifies_with(Hash::Sha256, &message, sct.signature) {
                return Ok(log.url.clone());
            }
            why = Why::NotInCertificateLog("the proof is not signed by the log that it names");
        }
    }
    Err(why)
}

struct Sct<'a> {
    log: &'a [u8],
    time: u64,
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// Takes bytes off the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, count: usize) -> Option<u64> {
        Some(self.take(count)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// Bytes behind their length in two bytes.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = self.number(2)?;
        self.take(usize::try_from(length).ok()?)
    }
}

fn list_of(bytes: &[u8]) -> Option<Vec<Sct<'_>>> {
    let mut outer = Bytes(bytes);
    let mut list = Bytes(outer.vector()?);
    if !outer.0.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    while !list.0.is_empty() {
        let mut one = Bytes(list.vector()?);
        let version = one.number(1)?;
        let (log, time, extensions) = (one.take(32)?, one.number(8)?, one.vector()?);
        // SHA-256 with RSA or ECDSA are the ones that logs use.
        let (hash, kind) = (one.number(1)?, one.number(1)?);
        let signature = one.vector()?;
        if !one.0.is_empty() {
            return None;
        }
        if version == 0 && hash == 4 && matches!(kind, 1 | 3) {
            found.push(Sct { log, time, extensions, signature });
        }
    }
    Some(found)
}

fn signed(sct: &Sct<'_>, issuer: &[u8], tbs: &[u8]) -> Vec<u8> {
    // Version 1, certificate_timestamp.
    let mut message = vec![0, 0];
    message.extend_from_slice(&sct.time.to_be_bytes());
    // precert_entry
    message.extend_from_slice(&[0, 1]);
    message.extend_from_slice(issuer);
    message.extend_from_slice(&tbs.len().to_be_bytes()[5..]);
    message.extend_from_slice(tbs);
    message.extend_from_slice(&sct.extensions.len().to_be_bytes()[6..]);
    message.extend_from_slice(sct.extensions);
    message
}
