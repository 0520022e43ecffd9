//! Public keys, and whether a signature is theirs.

use std::fmt;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};

use crate::der::{self, Malformed, Reader};
use crate::hash::Hash;
use crate::text;

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::P521 => "ECDSA P-521",
            Self::Rsa => "RSA",
            Self::Ed25519 => "Ed25519",
        })
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    raw: Vec<u8>,
    spki: Vec<u8>,
}

/// Why something is not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No block of PEM that holds a public key.
    #[error("it holds no public key (a PEM block `PUBLIC KEY` or `CERTIFICATE`)")]
    NoKey,
    /// It is a private key.
    #[error("it is a private key, and a public key is needed")]
    Private,
    /// It is broken.
    #[error("it is not a valid public key")]
    Malformed,
    /// Of a kind that is not known.
    #[error("its kind of key is not supported: ECDSA P-256, P-384, P-521, RSA and Ed25519 are")]
    Kind,
}

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280).
    ///
    /// # Errors
    /// It is none, or of a kind that is not known.
    pub fn from_spki(bytes: &[u8]) -> Result<Self, KeyError> {
        let read = || -> Result<_, Malformed> {
            let mut parts = der::only(bytes, der::SEQUENCE)?.inner();
            let mut algorithm = parts.expect(der::SEQUENCE)?.inner();
            let raw = parts.expect(der::BIT_STRING)?.bits()?;
            parts.end()?;
            let name = algorithm.expect(der::OID)?.value;
            let curve = algorithm.optional(der::OID)?.map(|curve| curve.value);
            Ok((name, curve, raw))
        };
        let (name, curve, raw) = read().map_err(|_| KeyError::Malformed)?;
        let kind = match (name, curve) {
            (EC, Some(P256)) => KeyKind::P256,
            (EC, Some(P384)) => KeyKind::P384,
            (EC, Some(P521)) => KeyKind::P521,
            (RSA, None) => KeyKind::Rsa,
            (ED25519, None) => KeyKind::Ed25519,
            _ => return Err(KeyError::Kind),
        };
        let length = match kind {
            KeyKind::P256 => Some(65),
            KeyKind::P384 => Some(97),
            KeyKind::P521 => Some(133),
            KeyKind::Ed25519 => Some(32),
            KeyKind::Rsa => None,
        };
        let is_point = kind == KeyKind::Ed25519 || kind == KeyKind::Rsa || raw.first() == Some(&4);
        if !is_point || length.is_some_and(|length| raw.len() != length) {
            return Err(KeyError::Malformed);
        }
        Ok(Self { kind, raw: raw.to_vec(), spki: bytes.to_vec() })
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        text::to_pem("PUBLIC KEY", &self.spki)
    }

    /// As `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Which kind it is of.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// `sha256:` and the digest of its `SubjectPublicKeyInfo`.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", text::hex(&Hash::Sha256.of(&self.spki)))
    }

    /// What bundles name it by: the same digest as base64.
    pub fn hint(&self) -> String {
        text::to_base64(&Hash::Sha256.of(&self.spki))
    }

    /// Whether a signature over bytes is its own, by one of the algorithms that signers use with such
    /// a key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.algorithms(None)
            .iter()
            .any(|algorithm| self.unparsed(*algorithm).verify(message, signature).is_ok())
    }

    /// The same by one algorithm of digests alone.
    pub(crate) fn verifies_with(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        self.algorithms(Some(hash))
            .iter()
            .any(|algorithm| self.unparsed(*algorithm).verify(message, signature).is_ok())
    }

    /// Whether a signature is over bytes of which only the digest is known. Ed25519 signs no digests.
    pub(crate) fn verifies_digest(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        if self.kind == KeyKind::Ed25519 {
            return false;
        }
        let Ok(digest) = Digest::import_less_safe(digest, hash.algorithm()) else { return false };
        self.algorithms(Some(hash))
            .iter()
            .any(|algorithm| self.unparsed(*algorithm).verify_digest(&digest, signature).is_ok())
    }

    fn unparsed(&self, algorithm: &'static dyn VerificationAlgorithm) -> UnparsedPublicKey<&[u8]> {
        UnparsedPublicKey::new(algorithm, &self.raw)
    }

    fn algorithms(&self, only: Option<Hash>) -> Vec<&'static dyn VerificationAlgorithm> {
        use Hash::{Sha256, Sha384, Sha512};
        let all: &[(Hash, &'static dyn VerificationAlgorithm)] = match self.kind {
            KeyKind::P256 => &[
                (Sha256, &lc::ECDSA_P256_SHA256_ASN1),
                (Sha384, &lc::ECDSA_P256_SHA384_ASN1),
                (Sha512, &lc::ECDSA_P256_SHA512_ASN1),
            ],
            KeyKind::P384 => &[
                (Sha384, &lc::ECDSA_P384_SHA384_ASN1),
                (Sha256, &lc::ECDSA_P384_SHA256_ASN1),
                (Sha512, &lc::ECDSA_P384_SHA512_ASN1),
            ],
            KeyKind::P521 => &[
                (Sha512, &lc::ECDSA_P521_SHA512_ASN1),
                (Sha256, &lc::ECDSA_P521_SHA256_ASN1),
                (Sha384, &lc::ECDSA_P521_SHA384_ASN1),
            ],
            KeyKind::Rsa => &[
                (Sha256, &lc::RSA_PKCS1_2048_8192_SHA256),
                (Sha256, &lc::RSA_PSS_2048_8192_SHA256),
                (Sha384, &lc::RSA_PKCS1_2048_8192_SHA384),
                (Sha384, &lc::RSA_PSS_2048_8192_SHA384),
                (Sha512, &lc::RSA_PKCS1_2048_8192_SHA512),
                (Sha512, &lc::RSA_PSS_2048_8192_SHA512),
            ],
            KeyKind::Ed25519 => return vec![&lc::ED25519],
        };
        let fits = |(hash, _): &&(Hash, _)| only.is_none_or(|only| only == *hash);
        all.iter().filter(fits).map(|(_, algorithm)| *algorithm).collect()
    }
}

/// The hash of a signature algorithm in certificates (RFC 5758, 8017, 8410); `Ok(None)` where the
/// algorithm brings its own.
pub(crate) fn signature_hash(algorithm: Reader<'_>) -> Result<Option<Hash>, Malformed> {
    let mut algorithm = algorithm;
    let name = algorithm.expect(der::OID)?.value;
    Ok(match name {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last]
        | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match (name.len(), last) {
            (8, 2) | (9, 11) => Some(Hash::Sha256),
            (8, 3) | (9, 12) => Some(Hash::Sha384),
            (8, 4) | (9, 13) => Some(Hash::Sha512),
            // RSA without a hash in the name (CMS), or PSS, whose parameters tell it.
            (9, 1 | 10) => None,
            _ => return Err(Malformed),
        },
        [0x2b, 0x65, 0x70] => None,
        // ECDSA without a hash in the name (CMS).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => None,
        _ => return Err(Malformed),
    })
}
