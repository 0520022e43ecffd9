//! The keys and values of etcd's multi-version store: the bucket `key` maps revisions to
//! `mvccpb.KeyValue` messages.

use crate::bytes::be64;
use crate::protobuf::{Field, Fields};

/// The key of a revision: when something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revision {
    pub(crate) main: u64,
    pub(crate) sub: u64,
    /// Whether the write was a deletion.
    pub(crate) tombstone: bool,
}

impl Revision {
    /// Reads a key of the bucket: 8 bytes, `_`, 8 bytes, and `t` for a deletion.
    pub(crate) fn read(key: &[u8]) -> Option<Self> {
        let tombstone = match key.len() {
            17 => false,
            18 if key.last() == Some(&b't') => true,
            _ => return None,
        };
        if key.get(8) != Some(&b'_') {
            return None;
        }
        // Revisions are signed in etcd, and never negative.
        let number = |at| be64(key, at).filter(|number| *number <= i64::MAX as u64);
        Some(Self { main: number(0)?, sub: number(9)?, tombstone })
    }
}

/// A stored key with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KeyValue<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) modified: u64,
    pub(crate) created: u64,
    pub(crate) version: u64,
}

impl<'a> KeyValue<'a> {
    /// Reads a message. `None` if it is not a valid one.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut read = Self::default();
        for field in Fields(bytes) {
            match field.ok()? {
                (1, Field::Bytes(bytes)) => read.key = bytes,
                (2, Field::Number(number)) => read.created = number,
                (3, Field::Number(number)) => read.modified = number,
                (4, Field::Number(number)) => read.version = number,
                (5, Field::Bytes(bytes)) => read.value = bytes,
                (6, Field::Number(_)) => {}
                // A newer version may add fields, but these have these types.
                (1..=6, _) => return None,
                _ => {}
            }
        }
        (!read.key.is_empty()).then_some(read)
    }
}
