//! Digests of content (OCI image specification, "Descriptors").

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256, Sha512};

/// A digest: `sha256:` and 64 hexadecimal digits, or `sha512:` and 128.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Digest {
    /// Returns the SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.end()
    }

    /// Returns the path in an OCI layout: `sha256/abc…`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.algorithm.name(), self.hex)
    }

    /// Returns the hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// The error for text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: `sha256:` and 64 digits, or `sha512:` and 128, in lower case")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let wrong = || DigestError(text.chars().take(160).collect());
        let (algorithm, length, hex) = match text.split_once(':') {
            Some(("sha256", hex)) => (Algorithm::Sha256, 64, hex),
            Some(("sha512", hex)) => (Algorithm::Sha512, 128, hex),
            _ => return Err(wrong()),
        };
        let digits =
            hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits { Ok(Self { algorithm, hex: hex.to_owned() }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn end(self) -> Digest {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(hasher) => {
                Digest { algorithm: Algorithm::Sha256, hex: hex(&hasher.finalize()) }
            }
            Self::Sha512(hasher) => {
                Digest { algorithm: Algorithm::Sha512, hex: hex(&hasher.finalize()) }
            }
        }
    }
}

/// A reader that computes the digest of what it reads, with the algorithm of `wanted`.
pub(crate) struct Checked<R> {
    from: R,
    hasher: Hasher,
    wanted: Digest,
    /// The number of bytes read.
    read: u64,
}

impl<R: Read> Checked<R> {
    pub(crate) fn new(from: R, wanted: Digest) -> Self {
        Self { from, hasher: Hasher::new(wanted.algorithm), wanted, read: 0 }
    }

    /// Reads to the end. Returns the number of bytes and, if the digest differs, the actual one.
    pub(crate) fn verify(mut self) -> io::Result<(u64, Result<(), Digest>)> {
        io::copy(&mut self, &mut io::sink())?;
        let found = self.hasher.end();
        Ok((self.read, if found == self.wanted { Ok(()) } else { Err(found) }))
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.hasher.update(&into[..count]);
        self.read += count as u64;
        Ok(count)
    }
}
