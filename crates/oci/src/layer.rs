//! One layer, streamed: decompressed, checked, cut into entries.

use std::cell::Cell;
use std::io::{self, BufRead as _, BufReader, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use pavisade_model::{LayerFile, LayerVisitor};
use tar::{Archive, EntryType};

use crate::digest::Checked;
use crate::{Digest, FileId, Refusal, Said};

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Layers of one image.
    pub layers: usize,
    /// Names in all layers together.
    pub names: usize,
    /// Bytes of one layer when it is unpacked.
    pub layer_bytes: u64,
    /// How many times larger a layer may become, beyond a free 16 MiB.
    pub ratio: u64,
    /// Bytes of a manifest, an index or a configuration.
    pub document_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            layers: 512,
            names: 8_000_000,
            layer_bytes: 64 << 30,
            ratio: 1_000,
            document_bytes: 8 << 20,
        }
    }
}

/// Up to this size the ratio does not count.
const FREE: u64 = 16 << 20;
/// Bytes of a path, of a pax record, of a long name: tar keeps them in memory.
const MAX_PATH: usize = 1 << 16;

/// The entries of a layer, in order, without contents.
#[derive(Debug, Default)]
pub struct LayerRead {
    entries: Vec<Entry>,
    /// Paths and targets, one behind the other.
    texts: Vec<u8>,
    /// Bytes when unpacked.
    pub bytes: u64,
    /// Where the last content ends.
    end: u64,
}

#[derive(Debug)]
struct Entry {
    path: (u32, u32),
    target: (u32, u32),
    mode: u16,
    kind: EntryKind,
}

#[derive(Debug, Clone, Copy)]
enum EntryKind {
    Folder,
    File,
    Link,
    HardLink,
    Other,
}

impl LayerRead {
    /// Calls `each` with every entry in order, until it refuses one.
    ///
    /// # Errors
    /// That of `each`.
    pub fn each(
        &self,
        layer: u16,
        mut each: impl FnMut(FileId, &[u8], u16, Said<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let text = |(at, length): (u32, u32)| &self.texts[at as usize..(at + length) as usize];
        for (entry, number) in self.entries.iter().zip(0..) {
            let said = match entry.kind {
                EntryKind::Folder => Said::Folder,
                EntryKind::File => Said::File,
                EntryKind::Link => Said::Link(text(entry.target)),
                EntryKind::HardLink => Said::HardLink(text(entry.target)),
                EntryKind::Other => Said::Other,
            };
            each(FileId { layer, entry: number }, text(entry.path), entry.mode, said)?;
        }
        Ok(())
    }

    fn keep(&mut self, text: &[u8]) -> Option<(u32, u32)> {
        let at = u32::try_from(self.texts.len()).ok()?;
        self.texts.extend_from_slice(text);
        u32::try_from(self.texts.len()).ok()?;
        Some((at, u32::try_from(text.len()).ok()?))
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
    limits: &Limits,
    visitor: &mut dyn LayerVisitor,
) -> Result<LayerRead, Refusal> {
    let what = format!("layer {layer}");
    let io = |error: io::Error| {
        refused(error, &what, limits)
            .unwrap_or_else(|error| Refusal::Io { what: what.clone(), error })
    };
    let count = Rc::new(Cell::new(0));
    let packed = Counted { from: packed, count: count.clone() };
    let unpacked = unpack(packed).map_err(io)?;
    let bounded = Bounded { from: unpacked, packed: count, read: 0, limits: *limits };
    let wanted = diff_id.cloned().unwrap_or_else(|| Digest::of(b""));
    let mut checked = Checked::new(bounded, wanted.clone());
    let mut padded = Padded { from: &mut checked, read: 0, padding: 0 };
    let contents = entries(&mut padded, layer, limits, visitor)?;
    let bytes = checked.read;
    if contents.end > bytes {
        let (entry, error) = (contents.entries.len() as u32, io::ErrorKind::UnexpectedEof.into());
        return Err(Refusal::Archive { layer, entry, error });
    }
    match (diff_id, checked.verify().map_err(io)?) {
        (Some(_), Err(found)) => Err(Refusal::Digest { what, wanted, found }),
        _ => Ok(LayerRead { bytes, ..contents }),
    }
}

fn entries(
    from: &mut impl Read,
    layer: u16,
    limits: &Limits,
    visitor: &mut dyn LayerVisitor,
) -> Result<LayerRead, Refusal> {
    let mut read = LayerRead::default();
    let mut archive = Archive::new(from);
    let mut number = 0_u32;
    let what = format!("layer {layer}");
    let broken = |entry: u32, error: io::Error| {
        refused(error, &what, limits).unwrap_or_else(|error| Refusal::Archive {
            layer,
            entry,
            error,
        })
    };
    let all = archive.entries().map_err(|error| broken(0, error))?;
    for entry in all {
        let mut entry = entry.map_err(|error| broken(number, error))?;
        let header = entry.header();
        let kind = match header.entry_type() {
            EntryType::Directory => EntryKind::Folder,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => EntryKind::File,
            EntryType::Symlink => EntryKind::Link,
            EntryType::Link => EntryKind::HardLink,
            EntryType::XGlobalHeader => continue,
            _ => EntryKind::Other,
        };
        let mode = (header.mode().map_err(|error| broken(number, error))? & 0o7777) as u16;
        let records = records(&mut entry).map_err(|error| broken(number, error))?;
        let path = name(&entry.path_bytes(), records.path);
        let target = match kind {
            EntryKind::Link | EntryKind::HardLink => {
                name(&entry.link_name_bytes().unwrap_or_default(), records.target)
            }
            _ => Vec::new(),
        };
        if path.len() > MAX_PATH || target.len() > MAX_PATH {
            let shown = String::from_utf8_lossy(&path[..path.len().min(80)]).into_owned();
            return Err(Refusal::TooDeep(shown));
        }
        if read.entries.len() >= limits.names {
            return Err(Refusal::TooManyNames(limits.names));
        }
        let too_many = || Refusal::TooManyNames(limits.names);
        let (kept, kept_target) = (read.keep(&path), read.keep(&target));
        read.entries.push(Entry {
            path: kept.ok_or_else(too_many)?,
            target: kept_target.ok_or_else(too_many)?,
            mode,
            kind,
        });
        if matches!(kind, EntryKind::File) {
            // Of a sparse file the header has the bytes that are there.
            let stored = entry.header().entry_size().map_err(|error| broken(number, error))?;
            read.end = entry.raw_file_position().saturating_add(stored);
            let text = String::from_utf8_lossy(&path);
            let path = text.trim_start_matches("./").trim_start_matches('/');
            let file = LayerFile { path, size: entry.size(), mode, layer, entry: number };
            if visitor.wants(&file) {
                visitor.take(&file, &mut entry).map_err(|error| broken(number, error))?;
            }
        }
        number += 1;
    }
    Ok(read)
}

/// Which names of an entry are said by its pax records.
#[derive(Default)]
struct Records {
    path: bool,
    target: bool,
}

/// The pax records of an entry (POSIX pax, "Extended Header"), as far as they are valid: Go's reader
/// and with it containers' programs refuse the same.
fn records<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Records> {
    let mut found = Records::default();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        let (key, value) = (record.key_bytes(), record.value_bytes());
        let text = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
        if key.contains(&0) || text && value.contains(&0) {
            return Err(io::Error::other("a pax record with a NUL"));
        }
        if matches!(key, b"mtime" | b"atime" | b"ctime") && !is_time(value) {
            return Err(io::Error::other("a pax record with a time that is not a number"));
        }
        found.path |= key == b"path";
        found.target |= key == b"linkpath";
    }
    Ok(found)
}

/// Seconds and a fraction of them.
fn is_time(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let whole = parts.next().unwrap_or_default();
    !whole.is_empty() && digits(whole) && parts.next().is_none_or(digits)
}

/// A name; one that is not of a pax record ends at its first NUL.
fn name(bytes: &[u8], of_record: bool) -> Vec<u8> {
    let end = if of_record { None } else { bytes.iter().position(|byte| *byte == 0) };
    bytes[..end.unwrap_or(bytes.len())].to_vec()
}

/// The bytes of a layer, by the form of compression that its first bytes tell: media types are not
/// always right.
fn unpack<'a>(packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    const BUFFER: usize = 1 << 16;
    let mut packed = BufReader::with_capacity(BUFFER, packed);
    Ok(match packed.fill_buf()? {
        [0x1F, 0x8B, ..] => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(packed))),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            // The decoder keeps a window of that many bits: images are made with smaller ones.
            decoder.window_log_max(27)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        _ => Box::new(packed),
    })
}

/// Counts what is read from a blob.
struct Counted<R> {
    from: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// Ends with an error where there is more than the limits allow.
struct Bounded<R> {
    from: R,
    packed: Rc<Cell<u64>>,
    read: u64,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.read += count as u64;
        let Limits { layer_bytes, ratio, .. } = self.limits;
        if self.read > layer_bytes {
            return Err(io::Error::other(TooMuch::Bytes));
        }
        if self.read > FREE.saturating_add(self.packed.get().saturating_mul(ratio)) {
            return Err(io::Error::other(TooMuch::Ratio));
        }
        Ok(count)
    }
}

/// Fills the last block of an archive: some programs leave out its padding, which other readers
/// take as well.
struct Padded<R> {
    from: R,
    read: u64,
    padding: usize,
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        const BLOCK: u64 = 512;
        if self.padding == 0 {
            let count = self.from.read(into)?;
            self.read += count as u64;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            self.padding = (self.read.next_multiple_of(BLOCK) - self.read) as usize;
            // Once: behind the padding is the end.
            self.read += self.padding as u64;
        }
        let count = self.padding.min(into.len());
        into[..count].fill(0);
        self.padding -= count;
        Ok(count)
    }
}

/// Which limit ended the reading of a layer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum TooMuch {
    #[error("too many bytes")]
    Bytes,
    #[error("too many bytes for what it was")]
    Ratio,
}

/// The refusal that an error stands for, where it is one of a limit.
fn refused(error: io::Error, what: &str, limits: &Limits) -> Result<Refusal, io::Error> {
    // The archive's reader wraps errors in one of its own.
    let mut inner = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(at) = inner {
        if let Some(too_much) = at.downcast_ref::<TooMuch>() {
            return Ok(match too_much {
                TooMuch::Bytes => {
                    Refusal::TooLarge { what: what.to_owned(), limit: limits.layer_bytes }
                }
                TooMuch::Ratio => Refusal::Ratio(what.to_owned(), limits.ratio),
            });
        }
        inner = match at.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => at.source(),
        };
    }
    Err(error)
}
