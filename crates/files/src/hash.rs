//! Hashing of open files.

use std::os::fd::AsFd;

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};
use pavisade_integrity::{Algorithm, Digest};
use rustix::io::Errno;

use crate::Rate;

/// Bytes that are read at once: they stay in the cache of a core until they are hashed.
pub(crate) const CHUNK: usize = 256 << 10;

/// A hash of one algorithm.
pub enum Hasher {
    /// BLAKE3.
    Blake3(Box<blake3::Hasher>),
    /// SHA-256.
    Sha256(Box<digest::Context>),
    /// MD5.
    Md5(Md5),
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// Returns a hash of nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Sha256 => Self::Sha256(Box::new(digest::Context::new(&digest::SHA256))),
            Algorithm::Md5 => Self::Md5(Md5::new()),
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Md5(hasher) => hasher.update(bytes),
        }
    }

    /// Returns the digest.
    pub fn finish(self) -> Option<Digest> {
        match self {
            Self::Blake3(hasher) => Digest::new(Algorithm::Blake3, hasher.finalize().as_bytes()),
            Self::Sha256(hasher) => Digest::new(Algorithm::Sha256, hasher.finish().as_ref()),
            Self::Md5(hasher) => Digest::new(Algorithm::Md5, &hasher.finalize()),
        }
    }
}

/// Hashes an open file from its position to its end and returns the number of bytes. It stops after
/// `size` bytes and those that were read with them: a file with more grew in the meantime, or has no
/// end. The buffer contains the start of the file afterwards, all of it if it fits.
///
/// # Errors
/// Reading fails.
pub fn hash_file(
    file: impl AsFd,
    size: u64,
    hashers: &mut [Hasher],
    buffer: &mut [u8],
    rate: Option<&Rate>,
) -> Result<u64, Errno> {
    let mut total = 0;
    loop {
        let count = match rustix::io::read(&file, &mut *buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let read = buffer.get(..count).unwrap_or_default();
        for hasher in &mut *hashers {
            hasher.update(read);
        }
        total += count as u64;
        if total > size {
            return Ok(total);
        }
        if let Some(rate) = rate {
            rate.spend(count);
        }
    }
}
