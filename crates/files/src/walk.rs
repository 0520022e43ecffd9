//! Walks paths below a root on all cores.

use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use pavisade_integrity::{Digests, Doubt, Entry, Need, Scope, is_in, matches};
use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::attributes::text;
use crate::context::{Context, FileSystem, Options};
use crate::hash::{CHUNK, Hasher, hash_file};
use crate::one::{Found, Name, read};
use crate::resolve;

/// Names of a directory that are one piece of work.
const PIECE: usize = 64;
/// The longest path in bytes.
const MAX_PATH: usize = 16 << 10;
/// The most entries of one walk.
const MAX_ENTRIES: usize = 10_000_000;

/// Why a mount point is left out if only one file system is covered.
const OTHER: &str = "another file system";

/// A place below a chosen path that is not covered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unstored {
    /// The path.
    pub path: Box<[u8]>,
    /// The file system, such as `proc`.
    pub why: &'static str,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Collected {
    /// The entries, sorted by path.
    pub entries: Vec<Entry>,
    /// What could not be read at all, sorted.
    pub gaps: Vec<Doubt>,
    /// Mount points that are left out, sorted: file systems that are not stored, or others if only one
    /// is covered.
    pub unstored: Vec<Unstored>,
    /// The bytes that were hashed.
    pub bytes: u64,
    /// Whether some of it is on overlayfs, where inodes and numbers of links mean nothing.
    pub has_overlay: bool,
}

/// Collects the entries of a scope below a root.
///
/// # Errors
/// The root cannot be opened.
pub fn collect(root: &Path, scope: &Scope, options: &Options<'_>) -> io::Result<Collected> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty())?;
    let context = Context::new(scope, options);
    let walk = Walk { context, found: Mutex::default() };
    let starts = walk.starts(root.as_fd());
    rayon::scope(|tasks| {
        for path in &starts {
            let (walk, root) = (&walk, &root);
            tasks.spawn(move |tasks| walk.start(root.as_fd(), path, tasks));
        }
    });
    let (bytes, has_overlay) = walk.context.totals();
    let mut found = walk.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.entries.dedup_by(|a, b| a.path == b.path);
    if let Some(packages) = options.packages.filter(|packages| !packages.is_empty()) {
        for entry in &mut found.entries {
            entry.package = packages.owner(&entry.path);
        }
    }
    found.gaps.sort_by(|a, b| a.path.cmp(&b.path));
    found.gaps.dedup();
    found.unstored.sort();
    found.unstored.dedup();
    (found.bytes, found.has_overlay) = (bytes, has_overlay);
    Ok(found)
}

/// Computes further digests of files whose content is still that of their entries.
///
/// # Errors
/// The root cannot be opened.
pub fn rehash(root: &Path, needs: &[Need], entries: &[Entry]) -> io::Result<Digests> {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    let mut buffer = vec![0; CHUNK];
    let mut digests = Digests::new();
    for need in needs {
        let at = entries.binary_search_by(|entry| entry.path.cmp(&need.path));
        let Some(entry) = at.ok().and_then(|at| entries.get(at)) else { continue };
        let Some(digest) = entry.digest() else { continue };
        // What is there now may be something else, even a device without an end.
        let Ok((file, size)) = resolve::open_file(root.as_fd(), &need.path) else { continue };
        if size != entry.size {
            continue;
        }
        let mut hashers = [Hasher::new(digest.algorithm), Hasher::new(need.algorithm)];
        if hash_file(&file, size, &mut hashers, &mut buffer, None).is_err() {
            continue;
        }
        let [same, other] = hashers.map(Hasher::finish);
        if let Some(other) = other.filter(|_| same == Some(digest)) {
            digests.insert((need.path.clone(), need.algorithm), other);
        }
    }
    Ok(digests)
}

struct Walk<'a> {
    context: Context<'a>,
    found: Mutex<Collected>,
}

impl Walk<'_> {
    /// Returns the chosen paths without links and without those below another one. The links on the
    /// way become entries: a link that points elsewhere changes everything behind it.
    fn starts(&self, root: BorrowedFd<'_>) -> Vec<Vec<u8>> {
        let mut starts = Vec::new();
        for path in &self.context.scope.paths {
            match resolve::resolve(root, path) {
                Ok(resolved) => {
                    starts.extend(resolved.links);
                    starts.push(resolved.path);
                }
                Err(error) => self.gap(path, text(error)),
            }
        }
        starts.sort();
        starts.dedup();
        let mut kept: Vec<Vec<u8>> = Vec::new();
        for path in starts {
            // Sorted, so a directory comes before what is below it, but not right before it.
            if !kept.iter().any(|above| is_in(above, &path)) {
                kept.push(path);
            }
        }
        kept
    }

    fn start<'s>(&'s self, root: BorrowedFd<'_>, path: &[u8], tasks: &rayon::Scope<'s>) {
        if self.is_excluded(path) {
            return;
        }
        let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(0) if path.len() == 1 => (&b"/"[..], &b"."[..]),
            Some(0) => (&b"/"[..], path.get(1..).unwrap_or_default()),
            Some(at) => path.split_at(at),
            None => return,
        };
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let folder = match resolve::open(root, above, flags) {
            Ok(folder) => folder,
            // A chosen path that is absent is expected to stay absent.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return,
            Err(error) => return self.gap(path, text(error)),
        };
        let mut batch = Batch::default();
        self.one(&Arc::new(folder), name, path.to_vec(), None, tasks, &mut batch);
        self.add(batch);
    }

    /// Reads one name of a directory; a directory becomes further work.
    fn one<'s>(
        &'s self,
        folder: &Arc<OwnedFd>,
        name: &[u8],
        path: Vec<u8>,
        mount: Option<u64>,
        tasks: &rayon::Scope<'s>,
        batch: &mut Batch,
    ) {
        if path.len() > MAX_PATH {
            return self.gap(&path, format!("its path is longer than {MAX_PATH} bytes"));
        }
        let asked = Name { folder: folder.as_fd(), name, path: &path, mount };
        match read(&self.context, &asked, &mut batch.buffer) {
            Ok(Found::Nothing) => {}
            Ok(Found::Mounted) => {
                self.lock().unstored.push(Unstored { path: path.into(), why: OTHER });
            }
            Ok(Found::Entry(entry)) => batch.entries.push(*entry),
            Ok(Found::Directory { entry, file, device: own, mount: of }) => {
                let is_mount = mount.is_some_and(|above| above != of);
                let left_out = match self.context.system(own, file.as_fd()) {
                    FileSystem::Made(name) => Some(name),
                    _ if is_mount && self.context.scope.one_file_system => Some(OTHER),
                    _ => None,
                };
                batch.entries.push(*entry);
                if let Some(why) = left_out {
                    let path: Box<[u8]> = path.into();
                    if mount.is_none() {
                        self.gap(&path, format!("it is on {why}, which is not stored"));
                    } else {
                        self.lock().unstored.push(Unstored { path, why });
                    }
                    return;
                }
                tasks.spawn(move |tasks| self.directory(file, &path, of, tasks));
            }
            Err(error) => self.gap(&path, error),
        }
    }

    fn directory<'s>(&'s self, file: OwnedFd, path: &[u8], mount: u64, tasks: &rayon::Scope<'s>) {
        let file = Arc::new(file);
        let mut names = Vec::new();
        let listed = Dir::read_from(&file).map(|mut dir| {
            let mut error = None;
            while let Some(entry) = dir.read() {
                match entry {
                    Ok(entry) => match entry.file_name().to_bytes() {
                        b"." | b".." => {}
                        name => names.push(name.to_vec()),
                    },
                    Err(found) => {
                        error = Some(found);
                        break;
                    }
                }
            }
            error
        });
        if let Some(error) = listed.unwrap_or_else(Some) {
            self.gap(path, text(error));
        }
        let start = if path == b"/" { Vec::new() } else { path.to_vec() };
        let pieces = names.chunks(PIECE).map(<[Vec<u8>]>::to_vec);
        let work = move |names: Vec<Vec<u8>>,
                         file: Arc<OwnedFd>,
                         start: Vec<u8>,
                         tasks: &rayon::Scope<'s>| {
            let mut batch = Batch::default();
            for name in names {
                let path = [&*start, b"/", &*name].concat();
                if !self.is_excluded(&path) {
                    self.one(&file, &name, path, Some(mount), tasks, &mut batch);
                }
            }
            self.add(batch);
        };
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                work(piece, file.clone(), start.clone(), tasks);
            } else {
                let (file, start) = (file.clone(), start.clone());
                tasks.spawn(move |tasks| work(piece, file, start, tasks));
            }
        }
    }

    fn is_excluded(&self, path: &[u8]) -> bool {
        self.context.scope.exclude.iter().any(|pattern| matches(pattern, path))
    }

    fn gap(&self, path: &[u8], why: impl Into<Box<str>>) {
        self.lock().gaps.push(Doubt { path: path.into(), why: why.into() });
    }

    fn add(&self, mut batch: Batch) {
        if let Some(progress) = self.context.options.progress {
            progress.fetch_add(batch.entries.len(), Ordering::Relaxed);
        }
        let mut found = self.lock();
        if found.entries.len() + batch.entries.len() > MAX_ENTRIES {
            let why = format!("there are more than {MAX_ENTRIES} files");
            found.gaps.push(Doubt { path: b"/"[..].into(), why: why.into() });
            return;
        }
        found.entries.append(&mut batch.entries);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Collected> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one piece of work collects.
struct Batch {
    entries: Vec<Entry>,
    buffer: Vec<u8>,
}

thread_local! {
    /// Zeroing a buffer for each directory takes longer than reading small files into it.
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Default for Batch {
    fn default() -> Self {
        let mut buffer = BUFFER.take();
        buffer.resize(CHUNK, 0);
        Self { entries: Vec::new(), buffer }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        BUFFER.replace(mem::take(&mut self.buffer));
    }
}
