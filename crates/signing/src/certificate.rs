//! X.509 certificates (RFC 5280) as far as signing needs them.

use jiff::Timestamp;

use crate::der::{self, Element, Malformed, Reader};
use crate::hash::Hash;
use crate::key::{KeyError, PublicKey, signature_hash};

/// Object identifiers of extensions, as their bytes.
pub(crate) mod oid {
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    pub(crate) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    /// Embedded signed certificate timestamps (RFC 6962).
    pub(crate) const SCTS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
    /// What Fulcio's extensions begin with: 1.3.6.1.4.1.57264.1.
    pub(crate) const FULCIO: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01];
    pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
    pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
    pub(crate) const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// All of it.
    pub(crate) der: Vec<u8>,
    tbs: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
    hash: Option<Hash>,
    signature: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) oid: Vec<u8>,
    pub(crate) is_critical: bool,
    pub(crate) value: Vec<u8>,
}

impl Certificate {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut parts = der::only(bytes, der::SEQUENCE)?.inner();
        let tbs = parts.expect(der::SEQUENCE)?;
        let algorithm = parts.expect(der::SEQUENCE)?;
        let signature = parts.expect(der::BIT_STRING)?.bits()?;
        parts.end()?;
        let mut fields = tbs.inner();
        fields.optional(0xa0)?;
        let serial = fields.expect(der::INTEGER)?;
        // The algorithm is named twice, and signed once.
        if fields.expect(der::SEQUENCE)?.whole != algorithm.whole {
            return Err(Malformed);
        }
        let issuer = fields.expect(der::SEQUENCE)?;
        let mut validity = fields.expect(der::SEQUENCE)?.inner();
        let (not_before, not_after) = (der::time(validity.next()?)?, der::time(validity.next()?)?);
        let subject = fields.expect(der::SEQUENCE)?;
        let spki = fields.expect(der::SEQUENCE)?;
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        let extensions = match fields.optional(0xa3)? {
            Some(all) => extensions(all)?,
            None => Vec::new(),
        };
        fields.end()?;
        Ok(Self {
            der: bytes.to_vec(),
            tbs: tbs.whole.to_vec(),
            serial: serial.value.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.whole.to_vec(),
            not_before,
            not_after,
            spki: spki.whole.to_vec(),
            extensions,
            hash: signature_hash(algorithm.inner())?,
            signature: signature.to_vec(),
        })
    }

    pub(crate) fn key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(&self.spki)
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// A critical extension that nothing here understands.
    pub(crate) fn unknown_critical(&self) -> bool {
        const KNOWN: [&[u8]; 4] = [
            oid::BASIC_CONSTRAINTS,
            oid::KEY_USAGE,
            oid::EXTENDED_KEY_USAGE,
            oid::SUBJECT_ALTERNATIVE_NAME,
        ];
        self.extensions
            .iter()
            .any(|extension| extension.is_critical && !KNOWN.contains(&&*extension.oid))
    }

    /// Whether another certificate's key signed it.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let Ok(key) = issuer.key() else { return false };
        match self.hash {
            Some(hash) => key.verifies_with(hash, &self.tbs, &self.signature),
            None => key.verifies(&self.tbs, &self.signature),
        }
    }

    /// Whether it may sign certificates, and below how many others (RFC 5280, 4.2.1.9).
    pub(crate) fn authority(&self) -> Option<Option<u64>> {
        let constraints = self.extension(oid::BASIC_CONSTRAINTS)?;
        let mut parts = der::only(&constraints.value, der::SEQUENCE).ok()?.inner();
        let is_authority = parts.optional(der::BOOLEAN).ok()??.value == [0xff];
        let length = parts.optional(der::INTEGER).ok()?.map(der::small).transpose().ok()?;
        let signs = match self.extension(oid::KEY_USAGE) {
            // Bit 5, keyCertSign.
            Some(usage) => usage_bits(&usage.value).is_some_and(|bits| bits & 0x04 != 0),
            None => true,
        };
        (is_authority && signs).then_some(length)
    }

    /// Whether it calls itself an authority, whatever its key may sign.
    pub(crate) fn is_called_authority(&self) -> bool {
        let Some(constraints) = self.extension(oid::BASIC_CONSTRAINTS) else { return false };
        let parts = der::only(&constraints.value, der::SEQUENCE).map(Element::inner);
        // What cannot be read may say so.
        match parts.map(|mut parts| parts.optional(der::BOOLEAN)) {
            Ok(Ok(flag)) => flag.is_some_and(|flag| flag.value != [0]),
            _ => true,
        }
    }

    /// Whether its key may sign what is no certificate (bit 0 of its usage, digitalSignature).
    pub(crate) fn may_sign(&self) -> bool {
        match self.extension(oid::KEY_USAGE) {
            Some(usage) => usage_bits(&usage.value).is_some_and(|bits| bits & 0x80 != 0),
            None => true,
        }
    }

    /// What its key is for; `None` where it says nothing of it.
    pub(crate) fn is_for(&self, purpose: &[u8]) -> Option<bool> {
        let usage = self.extension(oid::EXTENDED_KEY_USAGE)?;
        let Ok(all) = der::only(&usage.value, der::SEQUENCE) else { return Some(false) };
        let mut all = all.inner();
        while !all.is_empty() {
            match all.expect(der::OID) {
                Ok(one) if one.value == purpose || one.value == oid::ANY_USAGE => {
                    return Some(true);
                }
                Ok(_) => {}
                Err(_) => return Some(false),
            }
        }
        Some(false)
    }

    pub(crate) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// What was signed, without one extension: what a certificate log saw before the certificate was
    /// made (RFC 6962, 3.2).
    pub(crate) fn tbs_without(&self, oid: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut fields = der::only(&self.tbs, der::SEQUENCE)?.inner();
        let mut kept = Vec::new();
        while !fields.is_empty() {
            let field = fields.next()?;
            if field.tag == 0xa3 {
                let mut all = der::only(field.value, der::SEQUENCE)?.inner();
                let mut rest = Vec::new();
                while !all.is_empty() {
                    let one = all.expect(der::SEQUENCE)?;
                    if one.inner().expect(der::OID)?.value != oid {
                        rest.extend_from_slice(one.whole);
                    }
                }
                kept.extend(der::element(0xa3, &[&der::element(der::SEQUENCE, &[&rest])]));
            } else {
                kept.extend_from_slice(field.whole);
            }
        }
        Ok(der::element(der::SEQUENCE, &[&kept]))
    }

    /// The common name of its subject, else its organization.
    pub(crate) fn name(&self) -> String {
        let find = |wanted: &[u8]| -> Option<String> {
            let mut sets = der::only(&self.subject, der::SEQUENCE).ok()?.inner();
            while !sets.is_empty() {
                let mut set = sets.expect(der::SET).ok()?.inner();
                while !set.is_empty() {
                    let mut pair = set.expect(der::SEQUENCE).ok()?.inner();
                    let name = pair.expect(der::OID).ok()?.value;
                    let value = pair.next().ok()?.value;
                    if name == wanted {
                        return Some(String::from_utf8_lossy(value).into_owned());
                    }
                }
            }
            None
        };
        find(&[0x55, 4, 3]).or_else(|| find(&[0x55, 4, 10])).unwrap_or_default()
    }
}

fn usage_bits(value: &[u8]) -> Option<u8> {
    let bits = der::only(value, der::BIT_STRING).ok()?;
    bits.value.get(1).copied()
}

fn extensions(all: Element<'_>) -> Result<Vec<Extension>, Malformed> {
    let mut list: Reader<'_> = der::only(all.value, der::SEQUENCE)?.inner();
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let mut parts = list.expect(der::SEQUENCE)?.inner();
        let oid = parts.expect(der::OID)?.value.to_vec();
        let is_critical = match parts.optional(der::BOOLEAN)? {
            Some(flag) => flag.value == [0xff],
            None => false,
        };
        let value = parts.expect(der::OCTET_STRING)?.value.to_vec();
        parts.end()?;
        // Two of one name would be read differently by different programs.
        if found.iter().any(|extension| extension.oid == oid) {
            return Err(Malformed);
        }
        found.push(Extension { oid, is_critical, value });
    }
    Ok(found)
}
