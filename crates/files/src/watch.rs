//! Watches paths with fanotify: what was changed, and which process and pod did it.
//!
//! A mark on a file system reports changes made through any mount of it, also those of containers,
//! whose writable layers are folders of that file system. Events name a directory by a file handle,
//! which is resolved at once: a directory that was deleted before that has no path any more. The queue
//! of the kernel is limited; if it overflows, [`Seen::Missed`] says so. Nothing is held or denied.

mod mounts;
mod process;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fanotify_fid::consts::{
    FAN_ATTRIB, FAN_CLASS_NOTIF, FAN_CLOEXEC, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE,
    FAN_MARK_ADD, FAN_MARK_FILESYSTEM, FAN_MODIFY, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_NONBLOCK,
    FAN_ONDIR, FAN_REPORT_DIR_FID, FAN_REPORT_FID, FAN_REPORT_NAME,
};
use fanotify_fid::handle::{HandleCache, Mounts, fsid_of_fd};
use fanotify_fid::resolve::PathResolver;
use fanotify_fid::{Fanotify, FanotifyError};
use pavisade_integrity::{Doubt, Scope, is_in, matches};
use rustix::fs::{Mode, OFlags, fstat};
use rustix::io::Errno;

use crate::resolve::{open, open_file, resolve};

use process::Processes;
pub use process::{Pod, Process};

const CHANGES: u64 = FAN_CREATE
    | FAN_DELETE
    | FAN_MOVED_FROM
    | FAN_MOVED_TO
    | FAN_ATTRIB
    | FAN_MODIFY
    | FAN_CLOSE_WRITE
    | FAN_ONDIR;

/// The most directories whose paths are remembered.
const MAX_DIRECTORIES: usize = 1 << 16;
/// The most files that are being written, of which a report waits until they are closed.
const MAX_PENDING: usize = 1 << 14;
/// How long a report waits for a file to be closed.
const PATIENCE: Duration = Duration::from_millis(500);

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was created.
    Created,
    /// It was written and closed, or written and kept open.
    Written,
    /// Its mode, owner or another property was changed.
    Attributes,
    /// It was moved to this path.
    MovedHere,
    /// It was moved away from this path.
    MovedAway,
    /// It was deleted.
    Deleted,
}

impl What {
    /// Returns the name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Written => "written",
            Self::Attributes => "attributes",
            Self::MovedHere => "moved-here",
            Self::MovedAway => "moved-away",
            Self::Deleted => "deleted",
        }
    }
}

/// A change that was seen.
#[derive(Debug, Clone)]
pub struct Event {
    /// The path below the root; in the root of a container if it was changed there.
    pub path: Box<[u8]>,
    /// The writable layer of the container whose root the path is in.
    pub layer: Option<Box<[u8]>>,
    /// What happened, sorted. The kernel joins events of one process on one path.
    pub what: Vec<What>,
    /// The process; `None` if it ended before it could be looked at.
    pub process: Option<Process>,
    /// The id of the process.
    pub pid: i32,
}

/// What a watch reports.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A change.
    Event(Box<Event>),
    /// Changes may have been missed, with the reason.
    Missed(&'static str),
}

/// What is watched.
#[derive(Debug)]
pub struct Watch {
    group: Fanotify,
    mounts: Mounts,
    directories: HandleCache,
    root: PathBuf,
    places: Vec<Vec<u8>>,
    exclude: Vec<Box<[u8]>>,
    with_containers: bool,
    processes: Processes,
    pending: HashMap<(i32, Box<[u8]>), Pending>,
    buffer: Vec<u8>,
    /// Paths that are not watched.
    pub gaps: Vec<Doubt>,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    event: Box<Event>,
}

impl Watch {
    /// Starts to watch a scope below a root, and with `containers` also the writable layers of
    /// containers on the same file systems.
    ///
    /// # Errors
    /// fanotify is not available or not permitted, or no path of the scope can be watched.
    pub fn new(root: &Path, scope: &Scope, with_containers: bool) -> io::Result<Self> {
        let flags = FAN_CLASS_NOTIF
            | FAN_CLOEXEC
            | FAN_NONBLOCK
            | FAN_REPORT_FID
            | FAN_REPORT_DIR_FID
            | FAN_REPORT_NAME;
        let group = Fanotify::new(flags).map_err(failed)?;
        let root = std::fs::canonicalize(root)?;
        let processes = Processes::new(&root);
        let mut watch = Self {
            group,
            mounts: Mounts::new(),
            directories: HandleCache::new(),
            root,
            places: Vec::new(),
            exclude: scope.exclude.clone(),
            with_containers,
            processes,
            pending: HashMap::new(),
            buffer: Vec::with_capacity(1 << 16),
            gaps: Vec::new(),
        };
        watch.mark(scope)?;
        Ok(watch)
    }

    /// Marks the file system of each path, or of the next folder above it that exists.
    fn mark(&mut self, scope: &Scope) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&self.root, flags, Mode::empty())?;
        let (mut marked, mut devices, mut last) = (Vec::new(), HashSet::new(), None);
        for path in &scope.paths {
            let resolved = match resolve(std::os::fd::AsFd::as_fd(&root), path) {
                Ok(resolved) => resolved,
                Err(error) => {
                    self.gap(path, &io::Error::from(error));
                    continue;
                }
            };
            self.places.extend(resolved.links);
            let opened = next(std::os::fd::AsFd::as_fd(&root), &resolved.path);
            self.places.push(resolved.path);
            let done = opened.map_err(io::Error::from).and_then(|(above, file)| {
                let file = File::from(file);
                let place = self.root.join(std::ffi::OsStr::from_bytes(&above));
                let fsid = fsid_of_fd(&file)?;
                if !marked.contains(&fsid) {
                    let flags = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
                    self.group.mark(flags, CHANGES, &place).map_err(failed)?;
                    self.mounts.add(&file)?;
                    marked.push(fsid);
                }
                let device = fstat(&file)?.st_dev;
                devices.insert((rustix::fs::major(device), rustix::fs::minor(device)));
                Ok(())
            });
            if let Err(error) = done {
                self.gap(path, &error);
                last = Some(error);
            }
        }
        if !scope.one_file_system {
            self.mounted(&devices);
        }
        match last {
            Some(error) if marked.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Notes file systems that are mounted below the places, and are not marked.
    fn mounted(&mut self, devices: &HashSet<(u32, u32)>) {
        let others = match mounts::others(devices) {
            Ok(others) => others,
            Err(error) => return self.gap(b"/", &error),
        };
        let root = self.root.clone();
        let root = root.as_os_str().as_bytes();
        for point in others {
            let below = if root == b"/" { Some(&*point) } else { point.strip_prefix(root) };
            let Some(path) = below.filter(|path| path.starts_with(b"/")) else { continue };
            let is_excluded = self.exclude.iter().any(|pattern| matches(pattern, path));
            if self.places.iter().any(|place| is_in(place, path)) && !is_excluded {
                let why = "another file system is mounted there, which is not watched";
                self.gap(path, &io::Error::other(why));
            }
        }
    }

    fn gap(&mut self, path: &[u8], error: &io::Error) {
        let why = error.to_string().into();
        self.gaps.push(Doubt { path: path.into(), why });
    }

    /// Waits at most so long, and reports what was seen.
    ///
    /// # Errors
    /// The kernel reports an error.
    pub fn read(&mut self, wait: Duration, mut each: impl FnMut(Seen)) -> io::Result<()> {
        if self.group.wait_readable(Some(wait)).map_err(failed)? {
            self.drain(&mut each)?;
        }
        self.overdue(&mut each);
        Ok(())
    }

    fn drain(&mut self, each: &mut impl FnMut(Seen)) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut raw = Vec::new();
        let mut missed = None;
        match self.group.read_events(&mut buffer) {
            Ok(events) => {
                let own = std::process::id().cast_signed();
                // The process is asked for first: a short one is gone in a moment.
                for event in events.iter().filter(|event| event.pid() != own) {
                    self.processes.look(event.pid());
                }
                let resolver = PathResolver::new(&self.directories, &self.mounts);
                for event in &events {
                    if event.is_overflow() {
                        missed = Some("the queue of the kernel overflowed");
                        // A folder may have been moved.
                        self.directories.clear();
                        continue;
                    }
                    if event.pid() == own {
                        continue;
                    }
                    let (Some(fsid), Some(handle)) = (event.fsid(), event.dfid_name_handle())
                    else {
                        continue;
                    };
                    let folder = resolver.resolve_handle_memo(&self.directories, fsid, handle);
                    let moves = FAN_MOVED_FROM | FAN_MOVED_TO | FAN_DELETE;
                    if event.mask() & FAN_ONDIR != 0 && event.mask() & moves != 0 {
                        self.directories.clear();
                    }
                    match folder {
                        Ok(folder) => raw.push((
                            folder,
                            event.dfid_name_raw().to_vec(),
                            event.mask(),
                            event.pid(),
                        )),
                        Err(_) => {
                            missed = Some(
                                "files changed in a folder that was deleted before its path was known",
                            )
                        }
                    }
                }
            }
            Err(error) if error.is_would_block() => {}
            Err(error) => return Err(failed(error)),
        }
        self.buffer = buffer;
        if self.directories.len() > MAX_DIRECTORIES {
            self.directories.clear();
        }
        for (folder, name, mask, pid) in raw {
            if let Some(event) = self.event(&folder, &name, mask, pid) {
                self.take(event, mask, each);
            }
        }
        if let Some(why) = missed {
            each(Seen::Missed(why));
        }
        Ok(())
    }

    /// Returns the event if its path is watched.
    fn event(&mut self, folder: &Path, name: &[u8], mask: u64, pid: i32) -> Option<Box<Event>> {
        let folder = folder.as_os_str().as_bytes();
        let folder = folder.strip_suffix(b" (deleted)").unwrap_or(folder);
        let root = self.root.as_os_str().as_bytes();
        if !is_in(root, folder) {
            return None;
        }
        let below = if root == b"/" { folder } else { folder.strip_prefix(root)? };
        let mut path = below.to_vec();
        if !name.is_empty() && name != b"." {
            if path != b"/" {
                path.push(b'/');
            }
            path.extend_from_slice(name);
        }
        let (path, layer) = match container(&path) {
            Some((layer, inside)) if self.with_containers => (inside.to_vec(), Some(layer.into())),
            _ => {
                if !self.places.iter().any(|place| is_in(place, &path)) {
                    return None;
                }
                (path, None)
            }
        };
        if layer.is_none() && self.exclude.iter().any(|pattern| matches(pattern, &path)) {
            return None;
        }
        let bits = [
            (FAN_CREATE, What::Created),
            (FAN_CLOSE_WRITE | FAN_MODIFY, What::Written),
            (FAN_ATTRIB, What::Attributes),
            (FAN_MOVED_TO, What::MovedHere),
            (FAN_MOVED_FROM, What::MovedAway),
            (FAN_DELETE, What::Deleted),
        ];
        let what =
            bits.into_iter().filter(|(bit, _)| mask & bit != 0).map(|(_, what)| what).collect();
        let process = self.processes.look(pid);
        Some(Box::new(Event { path: path.into(), layer, what, process, pid }))
    }

    /// Reports an event, or waits if the file is still being written.
    fn take(&mut self, mut event: Box<Event>, mask: u64, each: &mut impl FnMut(Seen)) {
        let key = (event.pid, event.path.clone());
        let only_writes = mask & !(FAN_MODIFY | FAN_CREATE) == 0 && mask & FAN_ONDIR == 0;
        if let Some(before) = self.pending.get_mut(&key) {
            for what in &event.what {
                if !before.event.what.contains(what) {
                    before.event.what.push(*what);
                }
            }
            before.event.what.sort();
            if only_writes {
                return;
            }
            if let Some(Pending { event: joined, .. }) = self.pending.remove(&key) {
                event = joined;
            }
        } else if only_writes && self.pending.len() < MAX_PENDING {
            self.pending.insert(key, Pending { since: now(), event });
            return;
        }
        each(Seen::Event(event));
    }

    /// Reports what waited for too long.
    fn overdue(&mut self, each: &mut impl FnMut(Seen)) {
        let now = now();
        let is_overdue = |_: &(i32, Box<[u8]>), pending: &mut Pending| {
            now.saturating_duration_since(pending.since) >= PATIENCE
        };
        for (_, Pending { event, .. }) in self.pending.extract_if(is_overdue) {
            each(Seen::Event(event));
        }
    }
}

/// Opens a path without links below a root, or the next folder above it that exists, and returns it
/// relative to the root. Pipes and devices are not opened.
fn next(root: BorrowedFd<'_>, path: &[u8]) -> Result<(Vec<u8>, OwnedFd), Errno> {
    let mut path = path.strip_prefix(b"/").unwrap_or(path);
    loop {
        let here = if path.is_empty() { &b"."[..] } else { path };
        let opened = match open_file(root, here) {
            Ok((file, _)) => Ok(file),
            Err(Errno::ISDIR) => open(root, here, OFlags::RDONLY | OFlags::DIRECTORY),
            Err(error) => Err(error),
        };
        match opened {
            Ok(file) => return Ok((path.to_vec(), file)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NXIO) if !path.is_empty() => {}
            Err(error) => return Err(error),
        }
        let above = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        path = path.get(..above).unwrap_or_default();
    }
}

#[expect(clippy::disallowed_methods, reason = "a report waits for a limited time")]
fn now() -> Instant {
    Instant::now()
}

fn failed(error: FanotifyError) -> io::Error {
    match error.errno() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error.to_string()),
    }
}

/// Returns the writable layer that a path is in, and the path within.
fn container(path: &[u8]) -> Option<(&[u8], &[u8])> {
    // containerd: …snapshotter.v1.overlayfs/snapshots/12/fs/…; CRI-O and podman: overlay/ID/diff/….
    for (store, folder) in
        [(&b"/snapshots/"[..], &b"/fs"[..]), (b"/overlay/", b"/diff"), (b"/overlay2/", b"/diff")]
    {
        let Some(at) = memchr::memmem::find(path, store) else { continue };
        let start = at + store.len();
        let Some(length) = path.get(start..)?.iter().position(|byte| *byte == b'/') else {
            continue;
        };
        let end = start + length + folder.len();
        if path.get(start + length..end) == Some(folder) {
            let inside = path.get(end..).unwrap_or_default();
            if inside.is_empty() || inside.starts_with(b"/") {
                return Some((path.get(..end)?, if inside.is_empty() { b"/" } else { inside }));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writable_layers_are_recognized() {
        let store = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";
        for (path, expect) in [
            (format!("{store}/12/fs/etc/passwd"), Some("/etc/passwd")),
            (format!("{store}/12/fs"), Some("/")),
            (format!("{store}/12/work/#1"), None),
            (format!("{store}/12/fsx/a"), None),
            (
                "/var/lib/containers/storage/overlay/ab/diff/usr/bin/x".to_owned(),
                Some("/usr/bin/x"),
            ),
            ("/etc/passwd".to_owned(), None),
        ] {
            let found = container(path.as_bytes()).map(|(_, inside)| inside);
            assert_eq!(found, expect.map(str::as_bytes), "{path}");
        }
    }
}
