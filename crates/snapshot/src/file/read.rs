//! Reads a snapshot file within limits.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{Origin, Source};
use zstd::stream::read::Decoder;

use super::limits::Limits;
use super::wire::{self, End, Switch};
use super::{END, FORMAT, Header, IMAGE, MAGIC, MISSING, OLDEST, SKIPPABLE, WORLD, facts};
use crate::{Facts, Image, Images, Object, Snapshot};

const FREE: u64 = 64 << 20;
const FREE_MEMORY: u64 = 1 << 30;
/// Approximate memory of an object in addition to its text and values, in bytes.
const OBJECT: usize = 1 << 10;
/// Bytes of lines per batch.
const BATCH: usize = 1 << 20;
/// Maximum number of notes on single lines. Further ones are only counted.
const NOTES: usize = 100;

/// An error that prevents reading a snapshot file. The message follows the file's name in a
/// sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It does not start like a snapshot.
    #[error("it is not a snapshot: create one with `pavisade snapshot save`")]
    NoSnapshot,
    /// The format version is newer than supported.
    #[error(
        "it was created by a newer Pavisade (format {0}, this one supports up to {FORMAT}): \
         update Pavisade"
    )]
    Newer(u32),
    /// The format version is older than supported.
    #[error(
        "it was created by an older Pavisade (format {0}, this one supports {OLDEST} to \
         {FORMAT}): create it again"
    )]
    Older(u32),
    /// The content is corrupt.
    #[error("it is damaged: {0}; create it again, or copy it again from its source")]
    Damaged(String),
    /// A limit was exceeded.
    #[error("it is too large: more than {1} {0}")]
    TooLarge(&'static str, u64),
    /// Reading the bytes failed.
    #[error(transparent)]
    Io(io::Error),
}

/// A snapshot from a file.
#[derive(Debug)]
pub struct Saved {
    /// The program that created it, with its version.
    pub tool: String,
    /// The time of the snapshot.
    pub time: jiff::Timestamp,
    /// The snapshot. Its notes include what could not be read.
    pub snapshot: Snapshot,
}

/// Reads a snapshot file on the current thread. `name` is the name shown to users.
///
/// # Errors
/// See [`ReadError`].
pub fn read(from: impl Read, name: &str, limits: Limits) -> Result<Saved, ReadError> {
    let mut reader = Reader::new(from, name, limits)?;
    let mut parsed = Vec::new();
    while let Some(batch) = reader.batch()? {
        parsed.push(batch.parse());
    }
    reader.finish(parsed)
}

/// Counts the bytes read from a reader.
struct Counted<R> {
    from: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads a snapshot file in batches.
pub struct Reader<R: Read> {
    from: BufReader<Decoder<'static, BufReader<Counted<R>>>>,
    packed: Arc<AtomicU64>,
    /// The approximate memory of the objects parsed so far, in bytes.
    memory: Arc<AtomicU64>,
    unpacked: u64,
    limits: Limits,
    name: Arc<str>,
    header: Header,
    world: usize,
    line: usize,
    batches: usize,
    objects: usize,
    /// The facts.
    images: Vec<Image>,
    missing: Vec<(Arc<str>, String)>,
    has_images: bool,
    advisories: facts::Shared,
    rows: usize,
    /// The number of objects according to the last line.
    end: Option<usize>,
    /// Whether the file was truncated.
    cut: bool,
    notes: Vec<Note>,
}

/// Lines with objects of one world.
pub struct Batch {
    index: usize,
    world: usize,
    name: Arc<str>,
    first_line: usize,
    text: Vec<u8>,
    memory: Arc<AtomicU64>,
}

/// The objects of a [`Batch`].
pub struct Parsed {
    index: usize,
    world: usize,
    objects: Vec<Object>,
    /// Lines that are not objects, with the error.
    damaged: Vec<(usize, &'static str)>,
}

impl<R: Read> Reader<R> {
    /// Reads the file up to the objects.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn new(mut from: R, name: &str, limits: Limits) -> Result<Self, ReadError> {
        magic(&mut from)?;
        let packed = Arc::new(AtomicU64::new(0));
        let decoder =
            Decoder::new(Counted { from, taken: packed.clone() }).map_err(ReadError::Io)?;
        let header = Header {
            tool: String::new(),
            time: jiff::Timestamp::UNIX_EPOCH,
            worlds: Vec::new(),
            notes: Vec::new(),
        };
        let mut reader = Self {
            from: BufReader::with_capacity(256 << 10, decoder),
            packed,
            memory: Arc::default(),
            unpacked: 0,
            limits,
            name: name.into(),
            header,
            world: 0,
            line: 0,
            batches: 0,
            objects: 0,
            images: Vec::new(),
            missing: Vec::new(),
            has_images: false,
            advisories: facts::Shared::default(),
            rows: 0,
            end: None,
            cut: false,
            notes: Vec::new(),
        };
        let mut line = Vec::new();
        if !reader.next_line(&mut line)? {
            return Err(ReadError::Damaged("it is truncated before the end of its header".into()));
        }
        reader.header = header_of(&line)?;
        if reader.header.worlds.len() > limits.worlds {
            return Err(ReadError::TooLarge("worlds", limits.worlds as u64));
        }
        Ok(reader)
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the next batch. `None` after the last.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn batch(&mut self) -> Result<Option<Batch>, ReadError> {
        self.weigh()?;
        let mut text = Vec::with_capacity(BATCH + (16 << 10));
        let (mut world, mut first_line) = (self.world, self.line + 1);
        while self.end.is_none() && !self.cut && text.len() < BATCH {
            let from = text.len();
            if !self.next_line(&mut text)? {
                self.cut = true;
                break;
            }
            let line = &text[from..];
            let starts = |control: &str| line.starts_with(control.as_bytes());
            if starts(END) {
                self.end = Some(self.control(line, |end: End| end.end.objects)?);
                // The checksum is verified only at the end of the frame.
                self.expect_nothing_more()?;
            } else if starts(IMAGE) {
                let image = self.control(line, |line: facts::ImageLine| line.image)?;
                self.add_image(image)?;
            } else if starts(MISSING) {
                let line = self.control(line, |line: facts::MissingLine| line.missing)?;
                self.count_rows(line.len())?;
                self.missing.extend(line.into_iter().map(|(name, why)| (name.into(), why)));
            } else if starts(WORLD) {
                self.world = self.control(line, |switch: Switch| switch.world)?;
            } else {
                self.objects += 1;
                if self.objects > self.limits.objects {
                    return Err(ReadError::TooLarge("objects", self.limits.objects as u64));
                }
                continue;
            }
            // The lines of a batch must be contiguous.
            text.truncate(from);
            if from > 0 {
                break;
            }
            (world, first_line) = (self.world, self.line + 1);
        }
        if text.is_empty() {
            return Ok(None);
        }
        self.batches += 1;
        let (index, name, memory) = (self.batches, self.name.clone(), self.memory.clone());
        Ok(Some(Batch { index, world, name, first_line, text, memory }))
    }

    /// Returns the snapshot from all batches, in any order.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn finish(self, mut parsed: Vec<Parsed>) -> Result<Saved, ReadError> {
        self.weigh()?;
        parsed.sort_by_key(|part| part.index);
        let images = self.has_images.then(|| Arc::new(Images::new(self.images, self.missing)));
        let Self { name, header, objects: lines, end, cut, mut notes, .. } = self;
        let Header { tool, time, mut worlds, notes: kept } = header;
        let mut damaged = Vec::new();
        for part in parsed {
            damaged.extend(part.damaged);
            match worlds.get_mut(part.world) {
                Some(world) => world.objects.extend(part.objects),
                None => {
                    let why = format!("objects of a world {} that is not declared", part.world);
                    return Err(ReadError::Damaged(why));
                }
            }
        }
        let mut note = |message: String| {
            let remedy = "Create the snapshot again, or copy it again from its source.".into();
            let (kind, place) = (NoteKind::Unread, name.to_string());
            notes.push(Note { kind, place, span: None, message, remedy });
        };
        for (line, why) in damaged.iter().take(NOTES) {
            note(format!("line {line} {why}; its object was not checked"));
        }
        if damaged.len() > NOTES {
            note(format!("{} more lines are not objects", damaged.len() - NOTES));
        }
        match end {
            _ if cut => note(format!("it is truncated after {lines} objects")),
            Some(said) if said != lines => {
                note(format!("it should contain {said} objects, but contains {lines}"));
            }
            _ => {}
        }
        let objects: usize = worlds.iter().map(|world| world.objects.len()).sum();
        let snapshot = Snapshot::new(worlds, kept).with_facts(Facts { images });
        let distinct: usize = snapshot.worlds().iter().map(|world| world.objects().len()).sum();
        if distinct < objects {
            note(format!("{} objects are in it more than once", objects - distinct));
        }
        Ok(Saved { tool, time, snapshot: snapshot.with_notes(notes) })
    }

    fn add_image(&mut self, wire: facts::Wire) -> Result<(), ReadError> {
        self.count_rows(wire.rows())?;
        let damaged = |why| ReadError::Damaged(format!("line {}: {why}", self.line));
        self.images.push(wire.image(&mut self.advisories).map_err(damaged)?);
        Ok(())
    }

    fn count_rows(&mut self, more: usize) -> Result<(), ReadError> {
        self.has_images = true;
        self.rows = self.rows.saturating_add(more);
        match self.rows > self.limits.rows {
            true => Err(ReadError::TooLarge("rows of images", self.limits.rows as u64)),
            false => Ok(()),
        }
    }

    /// Appends a line without its line end. Returns `false` at the end of the file or where it is
    /// truncated.
    fn next_line(&mut self, into: &mut Vec<u8>) -> Result<bool, ReadError> {
        let start = into.len();
        loop {
            let buffer = match self.from.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    into.truncate(start);
                    return unreadable(error).map(|()| false);
                }
            };
            if buffer.is_empty() {
                // A last line without a line end is incomplete.
                into.truncate(start);
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', buffer);
            let taken = end.map_or(buffer.len(), |at| at + 1);
            into.extend_from_slice(&buffer[..taken]);
            self.from.consume(taken);
            self.count(taken as u64)?;
            if into.len() - start > self.limits.line {
                return Err(ReadError::TooLarge("bytes in a line", self.limits.line as u64));
            }
            if end.is_some() {
                self.line += 1;
                return Ok(true);
            }
        }
    }

    fn count(&mut self, taken: u64) -> Result<(), ReadError> {
        self.unpacked += taken;
        if self.unpacked > self.limits.bytes {
            return Err(ReadError::TooLarge("bytes", self.limits.bytes));
        }
        let packed = self.packed.load(Ordering::Relaxed);
        if self.unpacked > FREE + packed.saturating_mul(self.limits.ratio) {
            return Err(ReadError::TooLarge("times its packed size", self.limits.ratio));
        }
        Ok(())
    }

    /// Checks that the parsed objects take no more memory than is plausible for the size of the
    /// file.
    fn weigh(&self) -> Result<(), ReadError> {
        let packed = self.packed.load(Ordering::Relaxed);
        let allowed = FREE_MEMORY + packed.saturating_mul(self.limits.memory_ratio);
        match self.memory.load(Ordering::Relaxed) > allowed {
            true => Err(ReadError::TooLarge("bytes in memory", allowed)),
            false => Ok(()),
        }
    }

    fn control<T: serde::de::DeserializeOwned, V>(
        &self,
        line: &[u8],
        value: impl FnOnce(T) -> V,
    ) -> Result<V, ReadError> {
        let error = |error| ReadError::Damaged(format!("line {}: {error}", self.line));
        serde_json::from_slice(line).map(value).map_err(error)
    }

    fn expect_nothing_more(&mut self) -> Result<(), ReadError> {
        match self.from.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(ReadError::Damaged(format!(
                "unexpected text after its last line {}",
                self.line
            ))),
            Err(error) => {
                self.cut = true;
                unreadable(error)
            }
        }
    }
}

/// Accepts a truncated frame: what came before it is used. Any other error is returned.
fn unreadable(error: io::Error) -> Result<(), ReadError> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(()),
        // zstd errors have no specific kind.
        io::ErrorKind::Other | io::ErrorKind::InvalidData => {
            Err(ReadError::Damaged(error.to_string()))
        }
        _ => Err(ReadError::Io(error)),
    }
}

/// Reads the frame that identifies the file.
fn magic(from: &mut impl Read) -> Result<(), ReadError> {
    // The longest text is `pavisade snapshot 4294967295` with its line end.
    const LONGEST: usize = MAGIC.len() + 11;
    let mut start = [0; 8];
    let no_snapshot = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::NoSnapshot,
        _ => ReadError::Io(error),
    };
    from.read_exact(&mut start).map_err(no_snapshot)?;
    let [a, b, c, d, length @ ..] = start;
    let length = u32::from_le_bytes(length) as usize;
    if [a, b, c, d] != SKIPPABLE || length > LONGEST {
        return Err(ReadError::NoSnapshot);
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text).map_err(no_snapshot)?;
    let text = std::str::from_utf8(&text).unwrap_or("");
    let version = text.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n'));
    known(version.and_then(|version| version.parse().ok()).ok_or(ReadError::NoSnapshot)?)
}

fn known(format: u32) -> Result<(), ReadError> {
    match format {
        OLDEST..=FORMAT => Ok(()),
        0..OLDEST => Err(ReadError::Older(format)),
        _ => Err(ReadError::Newer(format)),
    }
}

fn header_of(line: &[u8]) -> Result<Header, ReadError> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let error = |error: serde_json::Error| ReadError::Damaged(format!("its header: {error}"));
    // Read the version first: the header of another version may have a different form.
    let Version { format } = serde_json::from_slice(line).map_err(error)?;
    known(format)?;
    serde_json::from_slice::<wire::Header>(line).map(Header::from).map_err(error)
}

impl Batch {
    /// Parses the objects.
    pub fn parse(self) -> Parsed {
        let Self { index, world, name, first_line, text, memory } = self;
        let mut parsed = Parsed { index, world, objects: Vec::new(), damaged: Vec::new() };
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        for (line, text) in (first_line..).zip(lines) {
            match object(&name, line, text) {
                Ok(object) => {
                    let size = OBJECT + text.len() + object.doc().memory();
                    memory.fetch_add(size as u64, Ordering::Relaxed);
                    parsed.objects.push(object);
                }
                Err(why) => parsed.damaged.push((line, why)),
            }
        }
        parsed
    }
}

fn object(name: &str, line: usize, text: &[u8]) -> Result<Object, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "is not valid UTF-8")?;
    // The line number distinguishes objects without a name.
    let documents =
        pavisade_yaml::read(&Source::of(format!("{name}:{line}"), Origin::Object, text));
    let [doc] = &documents.docs[..] else { return Err("is not valid JSON") };
    if !doc.is_json() || !documents.notes.is_empty() {
        return Err("is not valid JSON");
    }
    let root = doc.root();
    let field = |key| root.str(key).filter(|text| !text.is_empty());
    match (field("apiVersion"), field("kind")) {
        (Some(api_version), Some(kind)) => Ok(Object::new(root, api_version, kind)),
        _ => Err("has no `apiVersion` and `kind`"),
    }
}
