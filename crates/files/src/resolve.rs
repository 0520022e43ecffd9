//! Resolves links in chosen paths within a root.

use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2, readlinkat};
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
