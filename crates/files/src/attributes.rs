//! Extended attributes.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use pavisade_integrity::{Attributes, Digest};
use rustix::fs::{fgetxattr, flistxattr, lgetxattr, llistxattr};
use rustix::io::Errno;

/// The longest value that is stored as it is. Of a longer one, its first bytes up to this length are
/// stored, followed by the SHA-256 digest of all of it. No other stored value has that length.
const MAX_VALUE: usize = 256;
/// The largest list of names and the largest value of the kernel.
const MAX: usize = 64 << 10;

/// Returns the attributes of an open file or directory.
pub(crate) fn of_file(file: impl AsFd) -> Attributes {
    let file = file.as_fd();
    read(|buffer| flistxattr(file, buffer), |name, buffer| fgetxattr(file, name, buffer))
}

/// Returns the attributes of what must not be opened: links, pipes, sockets and devices.
pub(crate) fn of_name(directory: BorrowedFd<'_>, name: &[u8]) -> Attributes {
    // There is no system call for a name in an open directory.
    let path = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), name].concat();
    let path = path.as_slice();
    read(|buffer| llistxattr(path, buffer), |name, buffer| lgetxattr(path, name, buffer))
}

fn read(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
) -> Attributes {
    let failed = |error: Errno| -> Box<str> {
        format!("its extended attributes cannot be read: {}", text(error)).into()
    };
    let mut small = [0; 256];
    let mut large;
    let names = match list(&mut small) {
        Ok(count) => small.get(..count),
        // File systems without attributes.
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(Errno::RANGE) => {
            large = vec![0; MAX];
            let count = list(&mut large).map_err(failed)?;
            large.get(..count)
        }
        Err(error) => return Err(failed(error)),
    };
    let mut all = Vec::new();
    for name in names.unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(text) = std::str::from_utf8(name) else {
            return Err("an extended attribute has a name that is not UTF-8".into());
        };
        let mut small = [0; MAX_VALUE];
        let value: Box<[u8]> = match get(name, &mut small) {
            Ok(count) => small.get(..count).unwrap_or_default().into(),
            Err(Errno::RANGE) => {
                let mut large = vec![0; MAX];
                let count = get(name, &mut large).map_err(failed)?;
                large.truncate(count);
                let digest = Digest::sha256(&large);
                // It may have become shorter in the meantime.
                if count > MAX_VALUE {
                    large.truncate(MAX_VALUE);
                    large.extend_from_slice(&digest.bytes);
                }
                large.into()
            }
            // It was removed in the meantime.
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(failed(error)),
        };
        all.push((text.into(), value));
    }
    all.sort();
    Ok(all)
}

/// Returns the text of an error without its number.
pub(crate) fn text(error: Errno) -> String {
    let text = std::io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
