//! Opens files that were found in a scanned directory, as opposed to files named by the user.
//!
//! Only regular files are opened: opening a named pipe would block, and a device has no end. Files
//! that are identified by name (`Chart.yaml`, ignore files) may be links. One that leads out of the
//! boundary is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) enum Bytes {
    All(Vec<u8>),
    TooMany,
}

/// Reads to the end, or until `limit` is exceeded.
pub(crate) fn read_all(from: impl Read, expected: u64, limit: u64) -> io::Result<Bytes> {
    // Two extra bytes: the reader probes for the end, and a source may add a line end.
    let mut bytes = Vec::with_capacity(expected.min(limit) as usize + 2);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { Bytes::TooMany } else { Bytes::All(bytes) })
}

/// Opens a regular file.
///
/// # Errors
/// It is not a regular file, or cannot be opened.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a device can have side effects, so check its type first.
    if !fs::metadata(path)?.is_file() {
        return Err(irregular());
    }
    open_walked(path).map(|(file, _)| file)
}

/// Opens a file that was a regular one before, and returns its length. The name may refer to
/// something else now.
fn open_walked(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(irregular()) }
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> io::Result<Bytes> {
    if !fs::metadata(path)?.is_file() {
        return Err(irregular());
    }
    read_walked(path, limit)
}

/// Like [`read_bytes`], for a file that a walk found to be regular.
pub(crate) fn read_walked(path: &Path, limit: u64) -> io::Result<Bytes> {
    let (file, length) = open_walked(path)?;
    if length > limit {
        return Ok(Bytes::TooMany);
    }
    read_all(file, length, limit)
}

/// Like [`read_bytes`], for a file that must be inside the boundary after resolving links.
pub(crate) fn read_inside(path: &Path, boundary: &Path, limit: u64) -> io::Result<Bytes> {
    read_bytes(&inside(path, boundary)?, limit)
}

/// Resolves links in a path, which must stay inside the boundary.
///
/// # Errors
/// The path does not exist, or a link leads outside.
pub(crate) fn inside(path: &Path, boundary: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    if real.starts_with(boundary) {
        return Ok(real);
    }
    Err(io::Error::other("a link to a location outside the scanned directory; it was not followed"))
}

fn irregular() -> io::Error {
    io::Error::other("not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_or_device_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [&pipe, &socket, Path::new("/dev/zero"), folder.path()] {
            assert_eq!(open_regular(path).unwrap_err().to_string(), "not a regular file");
        }
    }
}
