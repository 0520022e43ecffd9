//! Resolves links in chosen paths within a root.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat};
use rustix::io::Errno;

/// The most links in one path, as in the kernel.
const MAX_LINKS: usize = 40;

/// A chosen path without links.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// The links on the way, and the path itself if it is one.
    pub links: Vec<Vec<u8>>,
    /// The path without links.
    pub path: Vec<u8>,
}

/// Opens a path without links below a root. `flags` may be `O_PATH` to refer to the link itself.
pub(crate) fn open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let relative = if relative.is_empty() { b"." } else { relative };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(root, relative, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

/// Opens a path without links below a root if it is a regular file, and returns its size.
pub(crate) fn open_file(root: BorrowedFd<'_>, path: &[u8]) -> Result<(OwnedFd, u64), Errno> {
    // Opening a pipe must not wait, and a terminal must not become that of this process.
    let file = open(root, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let found = fstat(&file)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok((file, u64::try_from(found.st_size).unwrap_or(u64::MAX))),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::NXIO),
    }
}

/// Reads a regular file below a root, with links resolved within it; `None` if it does not exist.
pub(crate) fn read_file(root: &Path, path: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    let resolved = resolve(root.as_fd(), path.as_bytes())?;
    let (file, size) = match open_file(root.as_fd(), &resolved.path) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NXIO) => return Err(io::Error::other("not a regular file")),
        Err(error) => return Err(error.into()),
    };
    let too_large = || io::Error::other(format!("larger than {max} bytes"));
    if size > max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    File::from(file).take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(too_large()) } else { Ok(Some(bytes)) }
}

/// Returns the names in a directory below a root, with links resolved within it.
pub(crate) fn names(root: &Path, path: &str) -> io::Result<Vec<Vec<u8>>> {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    let resolved = resolve(root.as_fd(), path.as_bytes())?;
    let folder = open(root.as_fd(), &resolved.path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let all: Result<Vec<_>, Errno> = Dir::read_from(&folder)?.collect();
    Ok(all?.iter().map(|entry| entry.file_name().to_bytes().to_vec()).collect())
}

/// Follows all links of a path within a root. A path that does not exist resolves as far as it does.
pub(crate) fn resolve(root: BorrowedFd<'_>, path: &[u8]) -> Result<Resolved, Errno> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (mut found, mut rest) = (Resolved::default(), VecDeque::from(names(path)));
    let mut stack: Vec<Vec<u8>> = Vec::new();
    let joined = |stack: &[Vec<u8>]| [b"/", &*stack.join(&b'/')].concat();
    while let Some(name) = rest.pop_front() {
        match &*name {
            b"." => continue,
            b".." => {
                stack.pop();
                continue;
            }
            _ => stack.push(name),
        }
        let here = joined(&stack);
        let target = match open(root, &here, OFlags::PATH) {
            Ok(file) => readlinkat(&file, "", Vec::new()),
            Err(Errno::NOENT | Errno::NOTDIR) => continue,
            Err(error) => return Err(error),
        };
        let Ok(target) = target else { continue };
        if found.links.len() == MAX_LINKS {
            return Err(Errno::LOOP);
        }
        found.links.push(here);
        stack.pop();
        let target = target.as_bytes();
        if target.starts_with(b"/") {
            stack.clear();
        }
        for name in names(target).into_iter().rev() {
            rest.push_front(name);
        }
    }
    found.path = joined(&stack);
    Ok(found)
}
