//! Digests of what is signed.

use aws_lc_rs::digest;
use serde::Deserialize;

use crate::text::hex;

/// An algorithm of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of bytes.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes).as_ref().to_vec()
    }

    pub(crate) fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// As bundles, logs and statements name it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "sha256" | "SHA2_256" => Some(Self::Sha256),
            "sha384" | "SHA2_384" => Some(Self::Sha384),
            "sha512" | "SHA2_512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// By its object identifier's bytes.
    pub(crate) fn of_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 1] => Some(Self::Sha256),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 2] => Some(Self::Sha384),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 3] => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The form of an algorithm's name in protocol buffers' JSON.
    pub(crate) fn read<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Self>, D::Error> {
        Ok(Self::named(&String::deserialize(from)?))
    }
}

/// What a signature is over: bytes that are here, or a digest of bytes that are elsewhere.
#[derive(Debug, Clone)]
pub struct Artifact<'a> {
    bytes: Option<&'a [u8]>,
    digest: (Hash, Vec<u8>),
}

impl<'a> Artifact<'a> {
    /// Bytes.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: Some(bytes), digest: (Hash::Sha256, Hash::Sha256.of(bytes)) }
    }

    /// A digest of `sha256:…`, `sha384:…` or `sha512:…`; `None` where it is none.
    pub fn digest(text: &str) -> Option<Self> {
        let (name, digits) = text.split_once(':')?;
        let hash = Hash::named(name)?;
        let digest = crate::text::unhex(digits)?;
        (digest.len() == hash.algorithm().output_len())
            .then_some(Self { bytes: None, digest: (hash, digest) })
    }

    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        self.bytes
    }

    /// Its digest by an algorithm; `None` where only another one is known.
    pub(crate) fn hashed(&self, hash: Hash) -> Option<Vec<u8>> {
        match self.bytes {
            Some(_) if self.digest.0 == hash => Some(self.digest.1.clone()),
            Some(bytes) => Some(hash.of(bytes)),
            None => (self.digest.0 == hash).then(|| self.digest.1.clone()),
        }
    }

    /// `sha256:…`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.digest.0.name(), hex(&self.digest.1))
    }
}
