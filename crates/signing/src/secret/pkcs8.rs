//! Encrypted PKCS#8 (RFC 5958) by PBES2 (RFC 8018): PBKDF2 and AES in CBC mode.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use super::{SecretError, random};
use crate::der::{self, Malformed};

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// Its last byte says which hash: 7 is SHA-1, 9 SHA-256, 10 SHA-384, 11 SHA-512.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// Its last byte says how long the key is: 2, 22 or 42.
const AES_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const ROUNDS: u32 = 600_000;
const MAX_ROUNDS: u64 = 10_000_000;

pub(super) fn decrypt(bytes: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let read = read(bytes).map_err(|_| SecretError::Malformed)?;
    let algorithm = match read.hash {
        7 => pbkdf2::PBKDF2_HMAC_SHA1,
        9 => pbkdf2::PBKDF2_HMAC_SHA256,
        10 => pbkdf2::PBKDF2_HMAC_SHA384,
        11 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(SecretError::Unsupported),
    };
    let (cipher, length) = match read.cipher {
        2 => (&AES_128, 16),
        42 => (&AES_256, 32),
        _ => return Err(SecretError::Unsupported),
    };
    let rounds = u32::try_from(read.rounds.min(MAX_ROUNDS + 1)).ok().and_then(NonZeroU32::new);
    let rounds = rounds.filter(|rounds| u64::from(rounds.get()) <= MAX_ROUNDS);
    let mut key = Zeroizing::new(vec![0; length]);
    let rounds = rounds.ok_or(SecretError::Unsupported)?;
    pbkdf2::derive(algorithm, rounds, read.salt, passphrase, &mut key);
    let iv: [u8; 16] = read.iv.try_into().map_err(|_| SecretError::Malformed)?;
    let failed = |_| SecretError::Passphrase;
    let key = UnboundCipherKey::new(cipher, &key).map_err(failed)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(failed)?;
    let mut data = Zeroizing::new(read.data.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let plain = key.decrypt(&mut data, context).map_err(failed)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

pub(super) fn encrypt(pkcs8: &[u8], passphrase: &[u8]) -> Result<Vec<u8>, SecretError> {
    let failed = |_| SecretError::Failed;
    let salt: [u8; 16] = random()?;
    let mut key = Zeroizing::new([0; 32]);
    let rounds = NonZeroU32::new(ROUNDS).ok_or(SecretError::Failed)?;
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, passphrase, &mut *key);
    let key = UnboundCipherKey::new(&AES_256, &*key).map_err(failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(failed)?;
    // Room for the padding: a vector that grows leaves the key behind where it was.
    let mut data = Zeroizing::new(Vec::with_capacity(pkcs8.len() + 16));
    data.extend_from_slice(pkcs8);
    let context = key.encrypt(&mut *data).map_err(failed)?;
    let iv: &[u8] = match &context {
        DecryptionContext::Iv128(iv) => iv.as_ref(),
        _ => return Err(SecretError::Failed),
    };
    let oid = |bytes: &[u8]| der::element(der::OID, &[bytes]);
    let sequence = |parts: &[&[u8]]| der::element(der::SEQUENCE, parts);
    let number = der::element(der::INTEGER, &[&ROUNDS.to_be_bytes()[1..]]);
    let hmac = sequence(&[&oid(&[HMAC, &[9]].concat()), &[5, 0]]);
    let salt = der::element(der::OCTET_STRING, &[&salt]);
    let derivation = sequence(&[&oid(PBKDF2), &sequence(&[&salt, &number, &hmac])]);
    let iv = der::element(der::OCTET_STRING, &[iv]);
    let cipher = sequence(&[&oid(&[AES_CBC, &[42]].concat()), &iv]);
    let algorithm = sequence(&[&oid(PBES2), &sequence(&[&derivation, &cipher])]);
    Ok(sequence(&[&algorithm, &der::element(der::OCTET_STRING, &[&data])]))
}

struct Read<'a> {
    salt: &'a [u8],
    rounds: u64,
    hash: u8,
    cipher: u8,
    iv: &'a [u8],
    data: &'a [u8],
}

fn read(bytes: &[u8]) -> Result<Read<'_>, Malformed> {
    let mut parts = der::only(bytes, der::SEQUENCE)?.inner();
    let mut algorithm = parts.expect(der::SEQUENCE)?.inner();
    let data = parts.expect(der::OCTET_STRING)?.value;
    if algorithm.expect(der::OID)?.value != PBES2 {
        return Err(Malformed);
    }
    let mut scheme = algorithm.expect(der::SEQUENCE)?.inner();
    let mut derivation = scheme.expect(der::SEQUENCE)?.inner();
    let mut cipher = scheme.expect(der::SEQUENCE)?.inner();
    if derivation.expect(der::OID)?.value != PBKDF2 {
        return Err(Malformed);
    }
    let mut of = derivation.expect(der::SEQUENCE)?.inner();
    let salt = of.expect(der::OCTET_STRING)?.value;
    let rounds = der::small(of.expect(der::INTEGER)?)?;
    of.optional(der::INTEGER)?;
    let hash = match of.optional(der::SEQUENCE)? {
        Some(hmac) => match hmac.inner().expect(der::OID)?.value.strip_prefix(HMAC) {
            Some([hash]) => *hash,
            _ => return Err(Malformed),
        },
        None => 7,
    };
    let name = cipher.expect(der::OID)?.value;
    let Some([cipher_size]) = name.strip_prefix(AES_CBC) else { return Err(Malformed) };
    let iv = cipher.expect(der::OCTET_STRING)?.value;
    Ok(Read { salt, rounds, hash, cipher: *cipher_size, iv, data })
}
