//! The SHA-256 that `etcdctl snapshot save` appends to a database.

use sha2::{Digest as _, Sha256};

use crate::bytes::ReadAt;

const HASH: u64 = 32;
const PART: usize = 1 << 20;

/// The result of verifying the hash at the end of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// The hash matches the content.
    Right,
    /// The hash does not match.
    Wrong,
    /// The file has no hash: a database of a member, or a snapshot made by copying.
    None,
    /// The size of the file is neither that of a database nor that of a snapshot with its hash.
    Cut,
}

/// Verifies the hash. A database is a multiple of 512 bytes, so a hash is recognized by the size of
/// the file, as etcd does.
pub(crate) fn integrity(from: &dyn ReadAt) -> Integrity {
    let size = from.size();
    match size % 512 {
        0 => return Integrity::None,
        HASH => {}
        _ => return Integrity::Cut,
    }
    let (mut hash, mut offset, end) = (Sha256::new(), 0, size - HASH);
    let mut part = vec![0; PART];
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(PART).min(PART);
        let part = part.get_mut(..length).unwrap_or(&mut []);
        if from.read_exact_at(part, offset).is_err() {
            return Integrity::Wrong;
        }
        hash.update(&*part);
        offset += length as u64;
    }
    let mut written = [0; HASH as usize];
    match from.read_exact_at(&mut written, end) {
        Ok(()) if *hash.finalize() == written => Integrity::Right,
        _ => Integrity::Wrong,
    }
}
