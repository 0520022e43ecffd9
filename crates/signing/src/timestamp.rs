//! Timestamps of authorities (RFC 3161): tokens in CMS (RFC 5652), read and verified.

use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::chain::{self, TIME_STAMPING};
use crate::der::{self, Element, Malformed, Reader};
use crate::hash::Hash;
use crate::result::{Clock, Why};
use crate::root::{Authority, TrustRoot};

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_CERTIFICATE: &[u8] =
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0c];
const SIGNING_CERTIFICATE_2: &[u8] =
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];

/// Bytes of a token.
const MAX_BYTES: usize = 64 << 10;

/// What a token holds.
struct Token<'a> {
    info: &'a [u8],
    certificates: Vec<Certificate>,
    issuer: &'a [u8],
    serial: &'a [u8],
    hash: Hash,
    attributes: &'a [u8],
    signature: &'a [u8],
}

/// The time that an authority of the trust root vouches for.
pub(crate) fn verify(token: &[u8], signature: &[u8], root: &TrustRoot) -> Result<Clock, Why> {
    let broken = |_| Why::Timestamp("it is not of the form of RFC 3161");
    if token.len() > MAX_BYTES {
        return Err(Why::TooMany("bytes in a timestamp", MAX_BYTES));
    }
    let token = read(token).map_err(broken)?;
    let (imprint, at) = info(token.info).map_err(broken)?;
    if imprint.0.of(signature) != imprint.1 {
        return Err(Why::TimestampOfOther);
    }
    if root.clocks.is_empty() {
        return Err(Why::UnknownAuthority);
    }
    let mut why = Why::UnknownAuthority;
    for authority in &root.clocks {
        match by(&token, authority, at) {
            Ok(()) => {
                return Ok(Clock { at, by: authority.name.clone(), is_authority: true });
            }
            Err(Why::UnknownAuthority) => {}
            Err(other) => why = other,
        }
    }
    Err(why)
}

fn by(token: &Token<'_>, authority: &Authority, at: Timestamp) -> Result<(), Why> {
    // A trust root that names the authority's own certificate means no other that its root issued.
    let named: Vec<_> = authority.chain.iter().filter(|one| !one.is_called_authority()).collect();
    let known: Vec<_> = if named.is_empty() { token.certificates.iter().collect() } else { named };
    let mut why = Why::UnknownAuthority;
    for leaf in known {
        // An authority may have several certificates with one key.
        if leaf.issuer != token.issuer || leaf.serial != token.serial {
            continue;
        }
        if !chain::is_leaf_for(leaf, TIME_STAMPING) {
            continue;
        }
        match chain::issuer(leaf, authority, &token.certificates, TIME_STAMPING, at) {
            Ok(_) => return signed(token, leaf),
            Err(Why::UnknownIssuer | Why::Extension) => {}
            Err(Why::Expired { .. } | Why::IssuerExpired(_)) => why = Why::AuthorityExpired(at),
            Err(other) => why = other,
        }
    }
    Err(why)
}

/// Whether the key of the certificate signed the token (RFC 5652, 5.4; RFC 5816).
fn signed(token: &Token<'_>, leaf: &Certificate) -> Result<(), Why> {
    let wrong = |what| Err(Why::Timestamp(what));
    let attributes = Attributes::read(token.attributes)
        .map_err(|_| Why::Timestamp("its signed attributes are broken"))?;
    let of = |name: &[u8]| attributes.only(name);
    let content = of(CONTENT_TYPE).filter(|value| value.tag == der::OID);
    if content.is_none_or(|content| content.value != TST_INFO) {
        return wrong("it signs something else than a timestamp");
    }
    let digest = of(MESSAGE_DIGEST).filter(|value| value.tag == der::OCTET_STRING);
    if digest.is_none_or(|digest| digest.value != token.hash.of(token.info)) {
        return wrong("its content is not what it signs");
    }
    let names = of(SIGNING_CERTIFICATE_2).map(|value| names(value, leaf));
    let is_named = match names {
        Some(named) => named.unwrap_or(false),
        // The older form has a SHA-1, which proves nothing; the chain does.
        None => of(SIGNING_CERTIFICATE).is_some(),
    };
    if !is_named {
        return wrong("it does not name the certificate that it is signed with");
    }
    let Ok(key) = leaf.key() else { return wrong("its key is of a kind that is not supported") };
    // The set is signed with its own tag, not with the one it has in the token.
    let message = der::element(der::SET, &[token.attributes]);
    if !key.verifies_with(token.hash, &message, token.signature) {
        return wrong("it is not signed by the authority");
    }
    Ok(())
}

fn names(value: Element<'_>, leaf: &Certificate) -> Result<bool, Malformed> {
    let mut certificates = only_sequence(value)?.inner().expect(der::SEQUENCE)?.inner();
    let mut first = certificates.expect(der::SEQUENCE)?.inner();
    let hash = match first.optional(der::SEQUENCE)? {
        Some(algorithm) => algorithm_hash(algorithm)?,
        None => Hash::Sha256,
    };
    Ok(first.expect(der::OCTET_STRING)?.value == hash.of(&leaf.der))
}

fn only_sequence(value: Element<'_>) -> Result<Element<'_>, Malformed> {
    if value.tag == der::SEQUENCE { Ok(value) } else { Err(Malformed) }
}

struct Attributes<'a>(Vec<(&'a [u8], Element<'a>)>);

impl<'a> Attributes<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut list = Reader::new(bytes);
        let mut found = Vec::new();
        while !list.is_empty() {
            let mut one = list.expect(der::SEQUENCE)?.inner();
            let name = one.expect(der::OID)?.value;
            let mut values = one.expect(der::SET)?.inner();
            let value = values.next()?;
            values.end()?;
            found.push((name, value));
        }
        Ok(Self(found))
    }

    fn only(&self, name: &[u8]) -> Option<Element<'a>> {
        let mut all = self.0.iter().filter(|(found, _)| *found == name);
        let first = all.next()?;
        all.next().is_none().then_some(first.1)
    }
}

fn algorithm_hash(algorithm: Element<'_>) -> Result<Hash, Malformed> {
    Hash::of_oid(algorithm.inner().expect(der::OID)?.value).ok_or(Malformed)
}

/// A response of an authority, or the token in it.
fn read(bytes: &[u8]) -> Result<Token<'_>, Malformed> {
    let outer = der::only(bytes, der::SEQUENCE)?;
    let mut parts = outer.inner();
    let token = match parts.optional(der::SEQUENCE)? {
        Some(status) => {
            // Granted, or granted with changes.
            if der::small(status.inner().expect(der::INTEGER)?)? > 1 {
                return Err(Malformed);
            }
            let token = parts.expect(der::SEQUENCE)?;
            parts.end()?;
            token
        }
        None => outer,
    };
    let mut parts = token.inner();
    if parts.expect(der::OID)?.value != SIGNED_DATA {
        return Err(Malformed);
    }
    let content = parts.expect(0xa0)?;
    parts.end()?;
    let mut data = der::only(content.value, der::SEQUENCE)?.inner();
    data.expect(der::INTEGER)?;
    data.expect(der::SET)?;
    let mut content = data.expect(der::SEQUENCE)?.inner();
    if content.expect(der::OID)?.value != TST_INFO {
        return Err(Malformed);
    }
    let info = der::only(content.expect(0xa0)?.value, der::OCTET_STRING)?.value;
    let mut certificates = Vec::new();
    if let Some(all) = data.optional(0xa0)? {
        let mut all = all.inner();
        while !all.is_empty() {
            let one = all.next()?;
            // What is no certificate of X.509 leads nowhere.
            certificates.extend(Certificate::read(one.whole).ok());
            if certificates.len() > 16 {
                return Err(Malformed);
            }
        }
    }
    data.optional(0xa1)?;
    let mut signers = data.expect(der::SET)?.inner();
    data.end()?;
    let mut signer = signers.expect(der::SEQUENCE)?.inner();
    signers.end()?;
    signer.expect(der::INTEGER)?;
    let mut id = signer.expect(der::SEQUENCE)?.inner();
    let (issuer, serial) = (id.expect(der::SEQUENCE)?.whole, id.expect(der::INTEGER)?.value);
    let hash = algorithm_hash(signer.expect(der::SEQUENCE)?)?;
    let attributes = signer.expect(0xa0)?.value;
    signer.expect(der::SEQUENCE)?;
    let signature = signer.expect(der::OCTET_STRING)?.value;
    Ok(Token { info, certificates, issuer, serial, hash, attributes, signature })
}

/// The digest that a timestamp is for, and the time.
fn info(bytes: &[u8]) -> Result<((Hash, &[u8]), Timestamp), Malformed> {
    let mut parts = der::only(bytes, der::SEQUENCE)?.inner();
    if der::small(parts.expect(der::INTEGER)?)? != 1 {
        return Err(Malformed);
    }
    parts.expect(der::OID)?;
    let mut imprint = parts.expect(der::SEQUENCE)?.inner();
    let hash = algorithm_hash(imprint.expect(der::SEQUENCE)?)?;
    let digest = imprint.expect(der::OCTET_STRING)?.value;
    parts.expect(der::INTEGER)?;
    let time = der::time(parts.expect(der::GENERALIZED_TIME)?)?;
    Ok(((hash, digest), time))
}
