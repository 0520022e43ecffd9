//! The certificate of a server (RFC 5280). Nothing is verified here.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::Answer;
use crate::journal::hex;
use crate::probe::Seen;

/// The largest certificate that is read, in bytes.
const LONGEST: usize = 64 << 10;
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// Signatures with MD2, MD5 and SHA-1.
const BROKEN: [(ObjectIdentifier, &str); 5] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "MD2 and RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "MD5 and RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "SHA-1 and RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "SHA-1 and ECDSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"), "SHA-1 and DSA"),
];

/// A certificate.
pub(super) struct Leaf {
    certificate: Certificate,
    digest: [u8; 32],
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Leaf {
    /// Reads DER. `None` if it is not a certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let certificate =
            Certificate::from_der(der.get(..).filter(|d| d.len() <= LONGEST)?).ok()?;
        let digest = Sha256::digest(der).into();
        let mut leaf = Self { certificate, digest, names: Vec::new(), addresses: Vec::new() };
        let alternative = leaf.alternative();
        for name in alternative.iter().flat_map(|all| &all.0) {
            match name {
                GeneralName::IpAddress(bytes) => leaf.addresses.extend(address(bytes.as_bytes())),
                GeneralName::Rfc822Name(mail) => leaf.names.push(mail.as_str().to_owned()),
                GeneralName::DnsName(name) => leaf.names.push(name.as_str().to_owned()),
                _ => {}
            }
        }
        leaf.names.push(leaf.subject());
        leaf.names.push(leaf.issuer());
        Some(leaf)
    }

    fn alternative(&self) -> Option<SubjectAltName> {
        let extensions = self.certificate.tbs_certificate().extensions()?;
        let found = extensions.iter().find(|one| one.extn_id == ALTERNATIVE_NAMES)?;
        SubjectAltName::from_der(found.extn_value.as_bytes()).ok()
    }

    /// The first and last second in which it is valid, since 1970.
    pub(super) fn validity(&self) -> (i64, i64) {
        let validity = self.certificate.tbs_certificate().validity();
        let seconds = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        (seconds(validity.not_before), seconds(validity.not_after))
    }

    /// Its subject (RFC 4514).
    pub(super) fn subject(&self) -> String {
        self.certificate.tbs_certificate().subject().to_string()
    }

    /// All names in it.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The addresses that it is for.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The first digits of its SHA-256 digest.
    pub(super) fn fingerprint(&self) -> String {
        hex(&self.digest[..8])
    }

    /// Its SHA-256 digest.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The subject of its issuer (RFC 4514).
    pub(super) fn issuer(&self) -> String {
        self.certificate.tbs_certificate().issuer().to_string()
    }

    /// Whether it is for the same names as another one, with a key of the same kind. A server may
    /// have an RSA and an ECDSA certificate for the same names.
    pub(super) fn has_identity_of(&self, other: &Self) -> bool {
        let kind = |leaf: &Self| {
            leaf.certificate.tbs_certificate().subject_public_key_info().algorithm.oid
        };
        let names = |leaf: &Self| -> BTreeSet<String> {
            let all = leaf.names.iter().filter(|name| **name != leaf.issuer());
            all.cloned().chain(leaf.addresses.iter().map(ToString::to_string)).collect()
        };
        let own = names(self);
        kind(self) == kind(other)
            && self.subject() == other.subject()
            && own == names(other)
            && !own.is_empty()
    }

    /// Whether it names itself as its issuer, or an authority that the kubelet made for it alone.
    pub(super) fn is_self_signed(&self) -> bool {
        let certificate = self.certificate.tbs_certificate();
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        subject == issuer || is_own_authority(&subject.to_string(), &issuer.to_string())
    }

    /// The bits of its key, if that is an RSA key.
    ///
    /// # Errors
    /// The key cannot be read.
    pub(super) fn rsa_bits(&self) -> Result<Option<usize>, String> {
        let key = self.certificate.tbs_certificate().subject_public_key_info();
        if key.algorithm.oid != RSA {
            return Ok(None);
        }
        let bits = modulus_bits(key.subject_public_key.raw_bytes());
        bits.map(Some).ok_or_else(|| "the RSA key cannot be read".to_owned())
    }

    /// What is weak in its key or its signature.
    ///
    /// # Errors
    /// The key cannot be read.
    pub(super) fn weakness(&self) -> Result<Option<String>, String> {
        if let Some(bits) = self.rsa_bits()?.filter(|bits| is_short(*bits)) {
            return Ok(Some(format!("the RSA key has only {bits} bits")));
        }
        // The signature of a certificate that is its own authority is not verified by clients.
        if self.is_self_signed() {
            return Ok(None);
        }
        let signature = self.certificate.signature_algorithm().oid;
        let broken = BROKEN.iter().find(|(known, _)| *known == signature);
        Ok(broken.map(|(_, name)| format!("the certificate is signed with {name}")))
    }
}

/// Whether an RSA key of that many bits can be factored.
pub(super) fn is_short(bits: usize) -> bool {
    bits < 2048
}

/// Whether the issuer is the authority that client-go makes with a certificate
/// (`GenerateSelfSignedCertKey`): `HOST@SECONDS` is issued by `HOST-ca@SECONDS`.
fn is_own_authority(subject: &str, issuer: &str) -> bool {
    let parts = |name: &str| {
        let (host, seconds) = name.strip_prefix("CN=")?.rsplit_once('@')?;
        let is = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        is.then(|| (host.to_owned(), seconds.to_owned()))
    };
    let (Some((host, at)), Some((authority, its))) = (parts(subject), parts(issuer)) else {
        return false;
    };
    at == its && authority.strip_suffix("-ca") == Some(&*host)
}

/// The bits of the modulus of an RSA key (RFC 8017, A.1.1).
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let (tag, sequence, _) = element(der)?;
    let (integer, modulus, _) = element(sequence)?;
    if (tag, integer) != (0x30, 0x02) {
        return None;
    }
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let rest = &modulus[first..];
    Some(rest.len() * 8 - rest[0].leading_zeros() as usize)
}

/// Returns the tag and content of a DER element, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=127 => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

impl Seen<'_> {
    /// The names of the authorities whose client certificates the server accepts.
    pub(super) fn names(&self) -> Vec<String> {
        let facts = self.exchanges.iter().find_map(|exchange| match &exchange.answer {
            Answer::Tls(facts) => Some(facts),
            _ => None,
        });
        let names = facts.iter().flat_map(|facts| &facts.authorities);
        names.filter_map(|der| Some(Name::from_der(der).ok()?.to_string())).collect()
    }
}

/// Whether a name contains an e-mail address.
pub(super) fn is_mail(name: &str) -> bool {
    name.split([',', '=', '+', ' ']).any(|part| {
        let Some((user, host)) = part.split_once('@') else { return false };
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    })
}

/// Returns the day of a time (UTC).
pub(super) fn day(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read_and_damage_is_not_fatal() {
        let mut params =
            rcgen::CertificateParams::new(vec!["10.0.0.7".to_owned(), "node-1".to_owned()])
                .unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "ann@example.com");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der().to_vec();
        let leaf = Leaf::read(&der).unwrap();
        assert_eq!(leaf.addresses(), ["10.0.0.7".parse::<IpAddr>().unwrap()]);
        assert!(leaf.is_self_signed() && leaf.weakness() == Ok(None));
        assert!(leaf.names().iter().any(|name| is_mail(name)));
        assert!(!is_mail("CN=system:node@cluster") && !is_mail("CN=a@"));
        for at in 0..der.len() {
            let mut damaged = der.clone();
            damaged[at] ^= 0xff;
            if let Some(leaf) = Leaf::read(&damaged) {
                let _ = (leaf.weakness(), leaf.validity(), leaf.subject());
            }
            let _ = Leaf::read(&der[..at]);
        }
    }

    #[test]
    fn the_authority_of_a_kubelet_is_its_own() {
        for (subject, issuer, expect) in [
            ("CN=node-1@1700000000", "CN=node-1-ca@1700000000", true),
            ("CN=node-1@1700000000", "CN=node-1-ca@1700000001", false),
            ("CN=node-1@1700000000", "CN=node-2-ca@1700000000", false),
            ("CN=node-1@1700000000", "CN=kubernetes", false),
            ("CN=node-1", "CN=node-1-ca", false),
            ("CN=node-1@", "CN=node-1-ca@", false),
        ] {
            assert_eq!(is_own_authority(subject, issuer), expect, "{subject} {issuer}");
        }
    }

    #[test]
    fn the_bits_of_a_key_are_counted() {
        let key = |modulus: &[u8]| {
            let mut der = vec![0x30, (modulus.len() + 5) as u8, 2, modulus.len() as u8];
            der.extend(modulus);
            der.extend([2, 1, 3]);
            der
        };
        assert_eq!(modulus_bits(&key(&[0, 0x80, 0, 0])), Some(24));
        assert_eq!(modulus_bits(&key(&[0x7f, 0xff])), Some(15));
        assert_eq!(modulus_bits(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(modulus_bits(&[]), None);
    }
}
