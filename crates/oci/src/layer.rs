//! One layer, streamed: decompressed, checked, cut into entries.

use std::io::{self, BufReader, Read};

use pavisade_model::{LayerFile, LayerVisitor};

use crate::archive::{Archive, EntryKind, Stream};
use crate::digest::Checked;
use crate::entries::Entries;
use crate::unpack::{BUFFER, refused, unpack};
use crate::{Budget, Digest, FileId, Refusal, Said};

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Layers of one image.
    pub layers: usize,
    /// Names in all layers together.
    pub names: usize,
    /// Bytes of these names, as far as they differ from the name before.
    pub name_bytes: usize,
    /// Bytes of one layer when it is unpacked.
    pub layer_bytes: u64,
    /// How many times larger a layer may become, beyond a free 16 MiB.
    pub ratio: u64,
    /// Bytes of a manifest, an index or a configuration.
    pub document_bytes: u64,
    /// Members of an archive of images.
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

/// Bytes of a path: Linux takes 4096.
const MAX_PATH: usize = 1 << 14;

/// A layer that was read: its names, without contents.
#[derive(Debug, Default)]
pub struct LayerRead {
    pub(crate) entries: Entries,
    /// Bytes when unpacked.
    pub bytes: u64,
}

impl LayerRead {
    /// Calls `each` with every entry in order, until it refuses one.
    ///
    /// # Errors
    /// That of `each`.
    pub fn each(
        &self,
        layer: u16,
        each: impl FnMut(FileId, &[u8], u16, Said<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.entries.each(layer, each)
    }
}

/// Streams a layer. `packed` is its blob; `diff_id` the digest of its uncompressed bytes, where the
/// configuration has one.
///
/// # Errors
/// The archive is broken, is not what its digest says, or is more than the limits allow.
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
