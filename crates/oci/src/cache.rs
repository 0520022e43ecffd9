//! A cache of the results of reading layers, keyed by the digests of their compressed and
//! uncompressed bytes.
//!
//! An entry is one file: a format name, then a zstd frame with a checksum. It is written to a
//! temporary file and renamed, so several processes can share a directory. Incomplete files are
//! removed and the layer is read again. The oldest entries are removed when the cache exceeds its
//! limit. Only the same program reads an entry again, since another version may read layers
//! differently.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use pavisade_model::LayerVisitor;

use crate::entries::Entries;
use crate::place::open_regular;
use crate::{Budget, Digest, LayerRead, Refusal};

/// The first bytes of every entry.
const FORM: &[u8] = b"pavisade layer 1\n";
/// The largest unpacked entry in bytes.
const MAX_ENTRY: u64 = 512 << 20;
/// The suffix of files that are being written.
const UNFINISHED: &str = ".new";

/// A directory of cached layers.
#[derive(Debug)]
pub struct LayerCache {
    folder: PathBuf,
    /// The largest total size of all entries in bytes.
    limit: u64,
    /// Identifies the program and its version.
    program: String,
    /// The total size of the entries, determined once.
    bytes: OnceLock<AtomicU64>,
    /// Whether the existing directory is owned by the user, determined once.
    is_own: OnceLock<bool>,
    problem: OnceLock<String>,
}

impl LayerCache {
    /// Returns a cache in a directory, which is created on the first write. `program` distinguishes
    /// programs that may read layers differently.
    pub fn new(folder: PathBuf, limit: u64, program: &str) -> Self {
        let program = program.to_owned();
        let (bytes, is_own, problem) = Default::default();
        Self { folder, limit, program, bytes, is_own, problem }
    }

    /// Returns why nothing can be cached, if that is so.
    pub fn problem(&self) -> Option<&str> {
        self.problem.get().map(String::as_str)
    }

    /// Returns the key of a layer with these uncompressed bytes and a blob with this digest and
    /// size. Another blob is always checked, so no result depends on the cache.
    pub(crate) fn key(
        &self,
        diff_id: &Digest,
        blob: &Digest,
        size: Option<u64>,
        keeps: &str,
    ) -> Key {
        let text = format!("{}\n{diff_id}\n{blob}\n{size:?}\n{keeps}", self.program);
        Key(Digest::of(text.as_bytes()).hex().to_owned())
    }

    /// Returns what another run read of a layer, and restores the visitor.
    ///
    /// # Errors
    /// All layers together exceed the limits.
    pub(crate) fn get(
        &self,
        key: &Key,
        layer: u16,
        budget: &Budget,
        visitor: &mut dyn LayerVisitor,
    ) -> Result<Option<LayerRead>, Refusal> {
        if !self.is_readable() {
            return Ok(None);
        }
        let path = self.folder.join(&key.0);
        let Ok(Some(mut file)) = open(&path) else { return Ok(None) };
        let Some(bytes) = unpack(&mut file) else {
            let _ = fs::remove_file(&path);
            return Ok(None);
        };
        let mut rest = Rest(&bytes);
        let (Some(size), Some(count), Some(records)) = (rest.number(), rest.number(), rest.part())
        else {
            let _ = fs::remove_file(&path);
            return Ok(None);
        };
        let entries = Entries::restore(records, count, budget)?;
        let Some(entries) = entries.filter(|_| visitor.restore(layer, rest.0)) else {
            let _ = fs::remove_file(&path);
            return Ok(None);
        };
        // Mark the entry as used: the least recently used ones are removed first.
        let _ = file.set_times(FileTimes::new().set_modified(now()));
        Ok(Some(LayerRead { entries, bytes: size }))
    }

    /// Returns whether the directory exists and only this user can write to it.
    fn is_readable(&self) -> bool {
        self.folder.is_dir()
            && *self.is_own.get_or_init(|| match check(&self.folder) {
                Ok(()) => true,
                Err(error) => {
                    self.give_up(&error);
                    false
                }
            })
    }

    fn give_up(&self, error: &io::Error) {
        let folder = self.folder.display();
        let _ = self.problem.set(format!("{folder}: the cache is not used: {error}"));
    }

    /// Stores the result of reading a layer, if possible.
    pub(crate) fn put(&self, key: &Key, read: &LayerRead, visitor: &dyn LayerVisitor) {
        if self.problem.get().is_some() {
            return;
        }
        let Some(kept) = visitor.keep() else { return };
        let (records, count) = read.entries.records();
        let mut bytes = Vec::with_capacity(records.len() + kept.len() + 24);
        for number in [read.bytes, u64::from(count), records.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(records);
        bytes.extend_from_slice(&kept);
        if bytes.len() as u64 > MAX_ENTRY {
            return;
        }
        let written = make(&self.folder).and_then(|()| {
            let counted = self.bytes.get_or_init(|| AtomicU64::new(sum(&list(&self.folder))));
            Ok((counted, self.write(key, &bytes)?))
        });
        match written {
            Ok((counted, length)) => self.trim(counted, length),
            Err(error) => self.give_up(&error),
        }
    }

    fn write(&self, key: &Key, bytes: &[u8]) -> io::Result<u64> {
        let mut file = tempfile::Builder::new().suffix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(FORM)?;
        let mut encoder = zstd::Encoder::new(&mut file, 1)?;
        encoder.include_checksum(true)?;
        encoder.write_all(bytes)?;
        encoder.finish()?;
        let length = file.as_file().metadata()?.len();
        file.persist(self.folder.join(&key.0)).map_err(|error| error.error)?;
        Ok(length)
    }

    /// Adds to the total size, and removes the oldest entries if it exceeds the limit.
    fn trim(&self, counted: &AtomicU64, added: u64) {
        if counted.fetch_add(added, Ordering::Relaxed) + added <= self.limit {
            return;
        }
        let mut entries = list(&self.folder);
        entries.sort_by_key(|kept| kept.used);
        let mut left = sum(&entries);
        // Leave some room, so that not every new entry triggers another removal.
        for kept in entries {
            if left <= self.limit / 10 * 9 {
                break;
            }
            if fs::remove_file(&kept.path).is_ok() {
                left -= kept.length;
            }
        }
        counted.store(left, Ordering::Relaxed);
    }
}

/// The file name of an entry.
#[derive(Debug)]
pub(crate) struct Key(String);

struct Kept {
    path: PathBuf,
    length: u64,
    used: SystemTime,
}

fn sum(entries: &[Kept]) -> u64 {
    entries.iter().map(|kept| kept.length).sum()
}

/// Lists the entries of a directory. Unfinished files are removed after an hour.
fn list(folder: &Path) -> Vec<Kept> {
    const UNFINISHED_FOR: Duration = Duration::from_secs(3600);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(UNFINISHED) {
            if used.elapsed().is_ok_and(|since| since > UNFINISHED_FOR) {
                let _ = fs::remove_file(&path);
            }
        // Never remove files that this cache did not create.
        } else if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            found.push(Kept { path, length: metadata.len(), used });
        }
    }
    found
}

/// Creates a directory owned by the user, and rejects one that others can write to.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)?;
    check(folder)
}

fn check(folder: &Path) -> io::Result<()> {
    match is_own(&fs::metadata(folder)?) {
        true => Ok(()),
        false => Err(io::Error::other("other users can write to this directory")),
    }
}

/// Returns whether the user owns the file and nobody else can write to it.
#[cfg(unix)]
fn is_own(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// On other systems, user directories are private.
#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    true
}

/// Opens an entry if the user owns the file.
fn open(path: &Path) -> io::Result<Option<File>> {
    let file = open_regular(path)?;
    Ok(is_own(&file.metadata()?).then_some(file))
}

/// Returns the bytes of an entry, or `None` if it is incomplete.
fn unpack(file: &mut File) -> Option<Vec<u8>> {
    let mut form = [0; FORM.len()];
    file.read_exact(&mut form).ok()?;
    if form != FORM {
        return None;
    }
    let mut bytes = Vec::new();
    zstd::Decoder::new(file).ok()?.take(MAX_ENTRY + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_ENTRY).then_some(bytes)
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }
}

#[expect(clippy::disallowed_methods, reason = "when an entry was used, which changes no result")]
fn now() -> SystemTime {
    SystemTime::now()
}
