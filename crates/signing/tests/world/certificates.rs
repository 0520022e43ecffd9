//! Certificates of DER, made and signed here.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::{IDENTITY, ISSUER, NOW, b64};

/// An element of DER.
pub(crate) fn el(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![tag];
    match body.len() {
        length @ 0..128 => bytes.push(length as u8),
        length @ 128..256 => bytes.extend([0x81, length as u8]),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(body);
    bytes
}

pub(crate) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    el(0x30, parts)
}

pub(crate) fn oid(bytes: &[u8]) -> Vec<u8> {
    el(6, &[bytes])
}

pub(crate) fn time(tag: u8, seconds: i64) -> Vec<u8> {
    let form = if tag == 0x17 { "%y%m%d%H%M%SZ" } else { "%Y%m%d%H%M%SZ" };
    let text = jiff::Timestamp::from_second(seconds).unwrap().strftime(form).to_string();
    el(tag, &[text.as_bytes()])
}

pub(crate) fn name(text: &str) -> Vec<u8> {
    seq(&[&el(0x31, &[&seq(&[&oid(&[0x55, 4, 3]), &el(0x0c, &[text.as_bytes()])])])])
}

pub(crate) struct Pair(EcdsaKeyPair);

impl Pair {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let ec = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
        let curve = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        seq(&[&seq(&[&ec, &curve]), &el(3, &[&[0], self.0.public_key().as_ref()])])
    }

    pub(crate) fn pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", b64(&self.spki()))
    }
}

/// A certificate that is to be made.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) issuer: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) serial: u8,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) usage: Option<u8>,
    pub(crate) purpose: Option<&'static [u8]>,
    pub(crate) is_authority: bool,
    pub(crate) names: Vec<(u8, String)>,
    pub(crate) oidc: Option<String>,
    pub(crate) unknown_critical: bool,
    pub(crate) twice: bool,
}

pub(crate) const CODE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
pub(crate) const STAMP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
pub(crate) const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

impl Cert {
    pub(crate) fn leaf() -> Self {
        Self {
            issuer: "authority",
            subject: "",
            serial: 7,
            from: NOW - 60,
            until: NOW + 540,
            usage: Some(0x80),
            purpose: Some(CODE),
            is_authority: false,
            names: vec![(0x86, IDENTITY.to_owned())],
            oidc: Some(ISSUER.to_owned()),
            unknown_critical: false,
            twice: false,
        }
    }

    pub(crate) fn authority() -> Self {
        Self {
            subject: "authority",
            serial: 1,
            from: NOW - 86_400,
            until: NOW + 86_400,
            usage: Some(0x04),
            purpose: None,
            is_authority: true,
            names: Vec::new(),
            oidc: None,
            ..Self::leaf()
        }
    }

    pub(crate) fn stamp() -> Self {
        Self { purpose: Some(STAMP), names: Vec::new(), oidc: None, serial: 9, ..Self::leaf() }
    }

    pub(crate) fn tbs(&self, spki: &[u8], more: Option<&[u8]>) -> Vec<u8> {
        let mut list = Vec::new();
        let mut add = |oid: &[u8], critical: bool, value: &[u8]| {
            let flag: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
            list.extend(seq(&[&el(6, &[oid]), flag, &el(4, &[value])]));
        };
        if let Some(bits) = self.usage {
            add(&[0x55, 0x1d, 0x0f], true, &el(3, &[&[bits.trailing_zeros() as u8, bits]]));
        }
        if let Some(purpose) = self.purpose {
            add(&[0x55, 0x1d, 0x25], true, &seq(&[&oid(purpose)]));
        }
        if self.is_authority {
            add(&[0x55, 0x1d, 0x13], true, &seq(&[&[1, 1, 0xff]]));
        }
        if !self.names.is_empty() {
            let all: Vec<u8> =
                self.names.iter().flat_map(|(tag, text)| el(*tag, &[text.as_bytes()])).collect();
            add(&[0x55, 0x1d, 0x11], true, &seq(&[&all]));
        }
        let fulcio = |last: u8| [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, last];
        if let Some(issuer) = &self.oidc {
            add(&fulcio(8), false, &el(0x0c, &[issuer.as_bytes()]));
            add(&fulcio(12), false, &el(0x0c, &[b"https://git.example/acme/app"]));
            add(&fulcio(14), false, &el(0x0c, &[b"refs/tags/v1"]));
        }
        if self.unknown_critical {
            add(&[0x55, 0x1d, 0x1e], true, &seq(&[]));
        }
        if self.twice {
            add(&fulcio(8), false, &el(0x0c, &[b"https://other.example"]));
        }
        if let Some(scts) = more {
            add(&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2], false, &el(4, &[scts]));
        }
        let algorithm = seq(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
        seq(&[
            &el(0xa0, &[&el(2, &[&[2]])]),
            &el(2, &[&[self.serial]]),
            &algorithm,
            &name(self.issuer),
            &seq(&[&time(0x17, self.from), &time(0x17, self.until)]),
            &name(self.subject),
            spki,
            &el(0xa3, &[&seq(&[&list])]),
        ])
    }

    pub(crate) fn signed(&self, spki: &[u8], more: Option<&[u8]>, by: &Pair) -> Vec<u8> {
        let tbs = self.tbs(spki, more);
        let algorithm = seq(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
        seq(&[&tbs, &algorithm, &el(3, &[&[0], &by.sign(&tbs)])])
    }
}
