//! Streams one layer: decompresses it, verifies it and splits it into entries.

use std::io::{self, BufReader, Read};

use pavisade_model::{LayerFile, LayerVisitor};

use crate::archive::{Archive, EntryKind, Stream};
use crate::digest::Checked;
use crate::entries::Entries;
use crate::unpack::{BUFFER, refused, unpack};
use crate::{Budget, Digest, FileId, Refusal, Said};

/// Limits on the size of an image.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The number of layers of one image.
    pub layers: usize,
    /// The number of names in all layers together.
    pub names: usize,
    /// The bytes of these names, not counting prefixes shared with the previous name.
    pub name_bytes: usize,
    /// The uncompressed bytes of one layer.
    pub layer_bytes: u64,
    /// The compression ratio of a layer; the first 16 MiB are exempt.
    pub ratio: u64,
    /// The bytes of a manifest, an index or a configuration.
    pub document_bytes: u64,
    /// The number of members of an image archive.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: 512,
            names: 8_000_000,
            name_bytes: 1 << 30,
            layer_bytes: 64 << 30,
            ratio: 1_000,
            document_bytes: 8 << 20,
            members: 100_000,
        }
    }
}

/// The longest path in bytes; Linux accepts 4096.
const MAX_PATH: usize = 1 << 14;

/// The entries of a layer that was read, without contents.
#[derive(Debug, Default)]
pub struct LayerRead {
    pub(crate) entries: Entries,
    /// The uncompressed size in bytes.
    pub bytes: u64,
}

impl LayerRead {
    /// Calls `each` with every entry in order, until it returns an error.
    ///
    /// # Errors
    /// The error of `each`.
    pub fn each(
        &self,
        layer: u16,
        each: impl FnMut(FileId, &[u8], u16, Said<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.entries.each(layer, each)
    }
}

/// Streams a layer. `packed` is its blob, and `diff_id` the digest of its uncompressed bytes if the
/// configuration has one.
///
/// # Errors
/// The archive is malformed, its digest differs, or it exceeds the limits.
pub fn read_layer(
    packed: impl Read,
    layer: u16,
    diff_id: Option<&Digest>,
    budget: &Budget,
    visitor: &mut dyn LayerVisitor,
) -> Result<LayerRead, Refusal> {
    let what = format!("layer {layer}");
    let io = |error: io::Error| {
        refused(error, &what, budget.limits())
            .unwrap_or_else(|error| Refusal::Io { what: what.clone(), error })
    };
    let unpacked = unpack(packed, budget.limits()).map_err(io)?;
    let wanted = diff_id.cloned().unwrap_or_else(|| Digest::of(b""));
    let mut checked = Checked::new(unpacked, wanted.clone());
    let stream = Stream(BufReader::with_capacity(BUFFER, &mut checked));
    let entries = entries(stream, layer, budget, visitor)?;
    let (bytes, verdict) = checked.verify().map_err(io)?;
    match (diff_id, verdict) {
        (Some(_), Err(found)) => Err(Refusal::Digest { what, wanted, found }),
        _ => Ok(LayerRead { bytes, entries }),
    }
}

fn entries(
    from: Stream<impl io::BufRead>,
    layer: u16,
    budget: &Budget,
    visitor: &mut dyn LayerVisitor,
) -> Result<Entries, Refusal> {
    let mut entries = Entries::default();
    let mut archive = Archive::new(from);
    let what = format!("layer {layer}");
    let broken = |entry: u32, error: io::Error| {
        refused(error, &what, budget.limits()).unwrap_or_else(|error| Refusal::Archive {
            layer,
            entry,
            error,
        })
    };
    loop {
        let number = entries.count();
        let Some(entry) = archive.next().map_err(|error| broken(number, error))? else {
            return Ok(entries);
        };
        if entry.path.len() > MAX_PATH || entry.target.len() > MAX_PATH {
            let shown = String::from_utf8_lossy(&entry.path[..entry.path.len().min(80)]);
            return Err(Refusal::TooDeep(shown.into_owned()));
        }
        if entry.kind == EntryKind::File {
            let text = String::from_utf8_lossy(&entry.path);
            let path = text.trim_start_matches("./").trim_start_matches('/');
            let file = LayerFile { path, size: entry.size, mode: entry.mode, layer, entry: number };
            if visitor.wants(&file) {
                let taken = visitor.take(&file, &mut archive.content());
                taken.map_err(|error| broken(number, error))?;
            }
        }
        entries.push(entry, budget)?;
    }
}
