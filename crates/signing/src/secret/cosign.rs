//! The form in which cosign keeps keys: JSON with scrypt (RFC 7914) and NaCl's secretbox (XSalsa20
//! and Poly1305) around PKCS#8.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{SecretError, random};
use crate::text::{base64, to_base64};

#[derive(Serialize, Deserialize)]
struct Document {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Derivation {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Memory of the derivation: 64 MiB are usual.
const MAX_MEMORY: u64 = 512 << 20;

pub(super) fn decrypt(json: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let document: Document = serde_json::from_slice(json).map_err(|_| SecretError::Malformed)?;
    if document.kdf.name != "scrypt" || document.cipher.name != "nacl/secretbox" {
        return Err(SecretError::Unsupported);
    }
    let read = |text: &str| base64(text).ok_or(SecretError::Malformed);
    let key = key(&document.kdf.params, &read(&document.kdf.salt)?, passphrase)?;
    let nonce: [u8; 24] =
        read(&document.cipher.nonce)?.try_into().map_err(|_| SecretError::Malformed)?;
    open(&key, &nonce, &read(&document.ciphertext)?).ok_or(SecretError::Passphrase)
}

pub(super) fn encrypt(pkcs8: &[u8], passphrase: &[u8]) -> Result<Vec<u8>, SecretError> {
    let (salt, nonce): ([u8; 32], [u8; 24]) = (random()?, random()?);
    let params = Parameters { n: 65536, r: 8, p: 1 };
    let key = key(&params, &salt, passphrase)?;
    let document = Document {
        kdf: Derivation { name: "scrypt".to_owned(), params, salt: to_base64(&salt) },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: to_base64(&nonce) },
        ciphertext: to_base64(&seal(&key, &nonce, pkcs8)),
    };
    serde_json::to_vec(&document).map_err(|_| SecretError::Failed)
}

fn key(
    params: &Parameters,
    salt: &[u8],
    passphrase: &[u8],
) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let Parameters { n, r, p } = *params;
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    if !n.is_power_of_two() || n < 2 || memory > MAX_MEMORY || p > 16 {
        return Err(SecretError::Unsupported);
    }
    let log = u8::try_from(n.trailing_zeros()).map_err(|_| SecretError::Unsupported)?;
    let params = scrypt::Params::new(log, r, p).map_err(|_| SecretError::Unsupported)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase, salt, &params, &mut *key).map_err(|_| SecretError::Failed)?;
    Ok(key)
}

/// The stream of the cipher over the key of the tag (32 zeros) and the text.
fn stream(key: &[u8; 32], nonce: &[u8; 24], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(32 + text.len()));
    bytes.resize(32, 0);
    bytes.extend_from_slice(text);
    XSalsa20::new(key.into(), nonce.into()).apply_keystream(&mut bytes);
    bytes
}

fn tag(key: &[u8], text: &[u8]) -> Option<[u8; 16]> {
    let key: &[u8; 32] = key.try_into().ok()?;
    Some(Poly1305::new(key.into()).compute_unpadded(text).into())
}

fn seal(key: &[u8; 32], nonce: &[u8; 24], text: &[u8]) -> Vec<u8> {
    let bytes = stream(key, nonce, text);
    let (of_tag, sealed) = bytes.split_at(32);
    let mut whole = tag(of_tag, sealed).unwrap_or_default().to_vec();
    whole.extend_from_slice(sealed);
    whole
}

fn open(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (found, sealed) = sealed.split_at_checked(16)?;
    let bytes = stream(key, nonce, sealed);
    let (of_tag, text) = bytes.split_at(32);
    let wanted = tag(of_tag, sealed)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(&wanted, found).ok()?;
    Some(Zeroizing::new(text.to_vec()))
}
