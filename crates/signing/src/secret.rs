//! Private keys: made, read, written encrypted, and used. Their bytes are wiped from memory when they
//! are dropped, and no error or form of debug output holds them.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use zeroize::Zeroizing;

use crate::der;
use crate::key::{self, KeyKind, PublicKey};
use crate::text;

mod cosign;
mod pkcs8;

/// Bytes of a file with a key.
pub const MAX_KEY_BYTES: usize = 64 << 10;

/// A private key.
pub struct SecretKey {
    pair: Pair,
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.fingerprint())
    }
}

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// `ENCRYPTED PRIVATE KEY` (PKCS#8, RFC 5958 and 8018): read by OpenSSL and many others.
    Pkcs8,
    /// `ENCRYPTED SIGSTORE PRIVATE KEY`: what cosign writes and reads.
    Cosign,
}

/// Why a private key cannot be read or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No block of PEM that holds a private key.
    #[error(
        "it holds no private key (a PEM block `ENCRYPTED PRIVATE KEY`, `PRIVATE KEY` or cosign's)"
    )]
    NoKey,
    /// It is encrypted.
    #[error("it is encrypted, and there is no passphrase")]
    Encrypted,
    /// The passphrase is another one.
    #[error("the passphrase is wrong, or the file is damaged")]
    Passphrase,
    /// It is broken.
    #[error("it is not a valid private key")]
    Malformed,
    /// Encrypted, or of a kind, that is not known.
    #[error("it is of a kind, or encrypted in a way, that is not supported")]
    Unsupported,
    /// The machine gives no random numbers, or cannot sign.
    #[error("the cryptographic operation failed")]
    Failed,
}

const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const CURVES: [(KeyKind, &[u8]); 3] = [
    (KeyKind::P256, &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    (KeyKind::P384, &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]),
    (KeyKind::P521, &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]),
];
const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

impl SecretKey {
    /// Makes a key. RSA keys are read, but not made.
    ///
    /// # Errors
    /// The machine gives no random numbers, or the kind is not made.
    pub fn generate(kind: KeyKind) -> Result<Self, SecretError> {
        let failed = |_| SecretError::Failed;
        let document = match kind {
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()),
            KeyKind::Rsa => return Err(SecretError::Unsupported),
            curve => {
                let pair = EcdsaKeyPair::generate(algorithm(curve)?).map_err(failed)?;
                pair.to_pkcs8v1()
            }
        };
        Self::from_pkcs8(document.map_err(failed)?.as_ref())
    }

    /// Reads PEM; `passphrase` is asked for where the key is encrypted.
    ///
    /// # Errors
    /// It holds no key, or one that cannot be read or decrypted.
    pub fn from_pem(
        pem: &str,
        passphrase: impl FnOnce() -> Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Self, SecretError> {
        if pem.len() > MAX_KEY_BYTES {
            return Err(SecretError::Malformed);
        }
        let blocks =
            text::pem(pem).into_iter().map(|(label, bytes)| (label, Zeroizing::new(bytes)));
        // All of them first, so that those behind the one that counts are wiped too.
        for (label, bytes) in blocks.collect::<Vec<_>>() {
            match label {
                "PRIVATE KEY" => return Self::from_pkcs8(&bytes),
                "ENCRYPTED PRIVATE KEY" => {
                    let passphrase = passphrase().ok_or(SecretError::Encrypted)?;
                    return Self::from_pkcs8(&pkcs8::decrypt(&bytes, &passphrase)?)
                        .map_err(|_| SecretError::Passphrase);
                }
                "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                    let passphrase = passphrase().ok_or(SecretError::Encrypted)?;
                    return Self::from_pkcs8(&cosign::decrypt(&bytes, &passphrase)?);
                }
                "EC PRIVATE KEY" => return Self::from_sec1(&bytes),
                "RSA PRIVATE KEY" => {
                    let inner = Zeroizing::new(der::element(der::OCTET_STRING, &[&bytes]));
                    let whole = der::element(der::SEQUENCE, &[&[2, 1, 0], RSA, &inner]);
                    return Self::from_pkcs8(&Zeroizing::new(whole));
                }
                _ => {}
            }
        }
        Err(SecretError::NoKey)
    }

    fn from_sec1(bytes: &[u8]) -> Result<Self, SecretError> {
        for (kind, _) in CURVES {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(algorithm(kind)?, bytes) {
                let document = pair.to_pkcs8v1().map_err(|_| SecretError::Failed)?;
                return Self::from_pkcs8(document.as_ref());
            }
        }
        Err(SecretError::Malformed)
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<Self, SecretError> {
        let malformed = |_| SecretError::Malformed;
        let mut parts = der::only(bytes, der::SEQUENCE).map_err(malformed)?.inner();
        parts.expect(der::INTEGER).map_err(malformed)?;
        let name = parts.expect(der::SEQUENCE).map_err(malformed)?;
        let bits = |bytes: &[u8]| der::element(der::BIT_STRING, &[&[0], bytes]);
        let (pair, spki) = if name.whole == ED25519 {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
                .map_err(|_| SecretError::Malformed)?;
            let spki = [ED25519, &bits(pair.public_key().as_ref())].concat();
            (Pair::Ed25519(pair), spki)
        } else if name.whole == RSA {
            let pair = RsaKeyPair::from_pkcs8(bytes).map_err(|_| SecretError::Malformed)?;
            let spki = [RSA, &bits(pair.public_key().as_ref())].concat();
            (Pair::Rsa(pair), spki)
        } else {
            let curve = name.value.strip_prefix(EC).ok_or(SecretError::Unsupported)?;
            let known = CURVES.iter().find(|(_, oid)| *oid == curve);
            let (kind, _) = known.ok_or(SecretError::Unsupported)?;
            let pair = EcdsaKeyPair::from_pkcs8(algorithm(*kind)?, bytes)
                .map_err(|_| SecretError::Malformed)?;
            let spki = [name.whole, &bits(pair.public_key().as_ref())].concat();
            (Pair::Ecdsa(pair), spki)
        };
        let spki = der::element(der::SEQUENCE, &[&spki]);
        let public = PublicKey::from_spki(&spki).map_err(|_| SecretError::Malformed)?;
        Ok(Self { pair, public, pkcs8: Zeroizing::new(bytes.to_vec()) })
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Encrypted PEM.
    ///
    /// # Errors
    /// The machine gives no random numbers.
    pub fn to_pem(&self, form: KeyForm, passphrase: &[u8]) -> Result<String, SecretError> {
        match form {
            KeyForm::Pkcs8 => {
                let bytes = pkcs8::encrypt(&self.pkcs8, passphrase)?;
                Ok(text::to_pem("ENCRYPTED PRIVATE KEY", &bytes))
            }
            KeyForm::Cosign => {
                let bytes = cosign::encrypt(&self.pkcs8, passphrase)?;
                Ok(text::to_pem("ENCRYPTED SIGSTORE PRIVATE KEY", &bytes))
            }
        }
    }

    /// Signs bytes: ECDSA with the hash of its curve's size, RSA PKCS#1 with SHA-256, or Ed25519.
    ///
    /// # Errors
    /// The machine gives no random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SecretError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| SecretError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&lc::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| SecretError::Failed)?;
                Ok(signature)
            }
        }
    }
}

fn algorithm(kind: KeyKind) -> Result<&'static lc::EcdsaSigningAlgorithm, SecretError> {
    Ok(match kind {
        KeyKind::P256 => &lc::ECDSA_P256_SHA256_ASN1_SIGNING,
        KeyKind::P384 => &lc::ECDSA_P384_SHA384_ASN1_SIGNING,
        KeyKind::P521 => &lc::ECDSA_P521_SHA512_ASN1_SIGNING,
        key::KeyKind::Rsa | key::KeyKind::Ed25519 => return Err(SecretError::Unsupported),
    })
}

fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SecretError::Failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [KeyKind; 4] = [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519];

    #[test]
    fn keys_sign_and_come_back_from_both_forms() {
        for kind in KINDS {
            let key = SecretKey::generate(kind).unwrap();
            assert!(key.public().verifies(b"text", &key.sign(b"text").unwrap()), "{kind}");
            assert!(!key.public().verifies(b"other", &key.sign(b"text").unwrap()), "{kind}");
            let forms = if kind == KeyKind::P256 { 2 } else { 1 };
            for form in [KeyForm::Pkcs8, KeyForm::Cosign].into_iter().take(forms) {
                let pem = key.to_pem(form, b"secret").unwrap();
                let read = |word: &[u8]| {
                    let word = Zeroizing::new(word.to_vec());
                    SecretKey::from_pem(&pem, || Some(word))
                };
                assert_eq!(read(b"secret").unwrap().public(), key.public(), "{kind} {form:?}");
                assert_eq!(read(b"Secret").unwrap_err(), SecretError::Passphrase);
                let without = SecretKey::from_pem(&pem, || None).unwrap_err();
                assert_eq!(without, SecretError::Encrypted);
            }
            assert!(!format!("{key:?}").contains("PRIVATE"));
        }
        assert!(SecretKey::from_pem("x", || None).is_err());
    }
}
