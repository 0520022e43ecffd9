//! How the files of an image's layers are handed on, without unpacking them.

use std::io::{self, Read};

/// A regular file of a layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerFile<'a> {
    /// The path, without a leading slash. Bytes that are not UTF-8 are replaced.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Permission bits, setuid and setgid among them.
    pub mode: u16,
    /// The layer, from 0.
    pub layer: u16,
    /// The entry of the layer's archive, from 0.
    pub entry: u32,
}

/// A regular file of a layer: names that are hard links of one another share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The layer, from 0.
    pub layer: u16,
    /// The entry of the layer's archive, from 0.
    pub entry: u32,
}

impl LayerFile<'_> {
    /// Which file it is.
    pub fn id(&self) -> FileId {
        FileId { layer: self.layer, entry: self.entry }
    }
}

/// Takes files of one layer while it is streamed.
pub trait LayerVisitor {
    /// Whether the bytes of a file are wanted. Others are passed over without a copy.
    fn wants(&self, file: &LayerFile<'_>) -> bool;

    /// The bytes of a file that is wanted. What is left unread is passed over.
    ///
    /// # Errors
    /// Only those of reading `bytes`: then the layer is broken there.
    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> io::Result<()>;

    /// Under which name what it takes of a layer can be kept for another run: two visitors with
    /// one name take the same. `None` where nothing is kept.
    fn keeps(&self) -> Option<String> {
        None
    }

    /// What it took, as bytes. `None` where that cannot be kept.
    fn keep(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes what another run kept of the same layer, in place of the layer. Whether that is what
    /// it keeps; if it is not, nothing is taken.
    fn restore(&mut self, layer: u16, kept: &[u8]) -> bool {
        let _ = (layer, kept);
        false
    }
}
