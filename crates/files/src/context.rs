//! What all parts of a walk share.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pavisade_integrity::{Algorithm, Entry, Kind, Records, Scope};
use rustix::fs::{Mode, OFlags, fstatfs, openat};
use rustix::io::Errno;

use crate::Rate;

/// How files are read.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// The hash of contents.
    pub algorithm: Algorithm,
    /// A limit of bytes per second.
    pub rate: Option<&'a Rate>,
    /// Entries sorted by path: a file with the same inode, ctime, mtime and size is not read, but
    /// has the same content. Root can set the clock, and a disk can change bytes without a trace.
    pub trust: Option<&'a [Entry]>,
    /// The installed packages, whose names become part of the entries.
    pub packages: Option<&'a Records>,
    /// Counts the files read so far.
    pub progress: Option<&'a AtomicUsize>,
}

/// A file system as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystem {
    Stored,
    Overlay,
    /// One whose files are made by the kernel when they are read.
    Made(&'static str),
}

/// What all threads of a walk use.
pub(crate) struct Context<'a> {
    pub scope: &'a Scope,
    pub options: &'a Options<'a>,
    /// The bytes that were hashed.
    pub bytes: AtomicU64,
    has_overlay: AtomicBool,
    systems: Mutex<HashMap<(u32, u32), FileSystem>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(scope: &'a Scope, options: &'a Options<'a>) -> Self {
        Self {
            scope,
            options,
            bytes: AtomicU64::new(0),
            has_overlay: AtomicBool::new(false),
            systems: Mutex::default(),
        }
    }

    /// Returns the bytes that were hashed, and whether some of it is on overlayfs.
    pub(crate) fn totals(&self) -> (u64, bool) {
        (self.bytes.load(Ordering::Relaxed), self.has_overlay.load(Ordering::Relaxed))
    }

    /// Returns the type of the file system of a device, which is asked for once.
    pub(crate) fn system(&self, device: (u32, u32), file: BorrowedFd<'_>) -> FileSystem {
        let mut known = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(device).or_insert_with(|| {
            let system = fstatfs(file).map_or(FileSystem::Stored, |found| magic(found.f_type));
            if system == FileSystem::Overlay {
                self.has_overlay.store(true, Ordering::Relaxed);
            }
            system
        })
    }
}

/// Returns the type with a number of `statfs`.
fn magic(number: i64) -> FileSystem {
    FileSystem::Made(match number as u32 {
        0x794c_7630 => return FileSystem::Overlay,
        0x9fa0 => "proc",
        0x6265_6572 => "sysfs",
        0x0027_e0eb | 0x6367_7270 => "cgroup",
        0x6462_6720 => "debugfs",
        0x7472_6163 => "tracefs",
        0x7363_6673 => "securityfs",
        0xcafe_4a11 => "bpf",
        0x1cd1 => "devpts",
        0x1980_0202 => "mqueue",
        0x6165_676c => "pstore",
        0x6265_6570 => "configfs",
        0x4249_4e4d => "binfmt_misc",
        0xf97c_ff8c => "selinuxfs",
        _ => return FileSystem::Stored,
    })
}

/// Returns what `statx` says of a type.
pub(crate) fn kind(mode: u16) -> Option<Kind> {
    Some(match mode & 0o170_000 {
        0o100_000 => Kind::File,
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Link,
        0o010_000 => Kind::Fifo,
        0o140_000 => Kind::Socket,
        0o060_000 => Kind::Block,
        0o020_000 => Kind::Character,
        _ => return None,
    })
}

/// Opens a name of a directory without side effects.
pub(crate) fn open_name(
    folder: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    // Reading must not change the time of access; only the owner may ask for that.
    match openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(folder, name, flags, Mode::empty()),
        other => other,
    }
}
