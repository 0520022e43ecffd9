//! Streaming access to the files of an image's layers, without unpacking them.

use std::io::{self, Read};

/// A regular file in a layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerFile<'a> {
    /// The path, without a leading slash. Invalid UTF-8 is replaced.
    pub path: &'a str,
    /// The size in bytes.
    pub size: u64,
    /// Permission bits, including setuid and setgid.
    pub mode: u16,
    /// The index of the layer, from 0.
    pub layer: u16,
    /// The index of the entry in the layer's archive, from 0.
    pub entry: u32,
}

/// The identity of a regular file in a layer. Hard links of a file share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The index of the layer, from 0.
    pub layer: u16,
    /// The index of the entry in the layer's archive, from 0.
    pub entry: u32,
}

impl LayerFile<'_> {
    /// Returns the identity of the file.
    pub fn id(&self) -> FileId {
        FileId { layer: self.layer, entry: self.entry }
    }
}

/// Receives files of a layer while it is streamed.
pub trait LayerVisitor {
    /// Whether the content of a file is needed. Other files are skipped without a copy.
    fn wants(&self, file: &LayerFile<'_>) -> bool;

    /// Receives the content of a file. Unread bytes are skipped.
    ///
    /// # Errors
    /// Returns only errors from reading `bytes`, which mean that the layer is corrupt at that
    /// point.
    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> io::Result<()>;

    /// Returns the cache key for what this visitor collects from a layer. Visitors with the same
    /// key collect the same. `None` if results are not cached.
    fn keeps(&self) -> Option<String> {
        None
    }

    /// Serializes what was collected for the cache. `None` if it cannot be cached.
    fn keep(&self) -> Option<Vec<u8>> {
        None
    }

    /// Restores a cached result in place of reading the layer. Returns whether `kept` was valid; if
    /// not, nothing is restored.
    fn restore(&mut self, layer: u16, kept: &[u8]) -> bool {
        let _ = (layer, kept);
        false
    }
}
