//! Extracts tar archives, compressed or not, within limits to a private directory.
//!
//! Only regular files are written; links and devices are skipped. `..` and roots are removed from
//! names. Since the directory contains no links, nothing is written outside of it.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use pavisade_model::{Note, NoteKind};
use tempfile::TempDir;

use crate::Limits;
use crate::note::{plain_note, size, too_large};
use crate::open::{Bytes, read_all};
use crate::temporary::Temporary;

/// The size to which any archive may be extracted, regardless of the ratio.
const FREE: u64 = 16 << 20;
const BLOCK: usize = 512;

/// The format of a packed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Tar,
    Gzip,
    Zstd,
}

/// The content of a packed file.
pub(crate) enum Unpacked {
    /// The members of an archive.
    Folder(TempDir, Vec<Note>),
    /// A single text.
    Text(Vec<u8>),
}

/// Returns the format of a packed file, by its first bytes.
pub(crate) fn packed(head: &[u8]) -> Option<Packed> {
    match head {
        [0x1F, 0x8B, ..] => Some(Packed::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Packed::Zstd),
        _ if head.len() >= BLOCK && is_tar(head) && head[0] != 0 => Some(Packed::Tar),
        _ => None,
    }
}

/// Whether a name is that of an archive.
pub(crate) fn is_archive_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"].iter().any(|end| name.ends_with(end))
}

/// Extracts a file. Problems with single members are in the notes.
pub(crate) fn unpack(
    from: impl Read,
    packed: Packed,
    name: &str,
    limits: &Limits,
    temporary: &Temporary,
) -> Result<Unpacked, Note> {
    let broken = |error: io::Error| broken(name, &error);
    let taken = Rc::new(Cell::new(0));
    let counted = Counted { inner: from, taken: taken.clone() };
    let plain: Box<dyn Read + '_> = match packed {
        Packed::Tar => Box::new(counted),
        Packed::Gzip => Box::new(flate2::read::MultiGzDecoder::new(counted)),
        Packed::Zstd => Box::new(zstd::stream::read::Decoder::new(counted).map_err(broken)?),
    };
    let mut bounded = Bounded { inner: plain, given: 0, taken, limits: *limits };
    let mut head = Vec::new();
    bounded.by_ref().take(BLOCK as u64).read_to_end(&mut head).map_err(broken)?;
    let is_tar = head.len() == BLOCK && is_tar(&head);
    let whole = head.as_slice().chain(bounded);
    if is_tar {
        return members(whole, name, limits, temporary);
    }
    match read_all(whole, 0, limits.file_bytes).map_err(broken)? {
        Bytes::All(bytes) => Ok(Unpacked::Text(bytes)),
        Bytes::TooMany => Err(too_large(name, limits.file_bytes)),
    }
}

fn members(
    from: impl Read,
    name: &str,
    limits: &Limits,
    temporary: &Temporary,
) -> Result<Unpacked, Note> {
    let folder = temporary.folder("archive-");
    let folder = folder.map_err(|why| broken(name, &io::Error::other(why)))?;
    let mut notes = Vec::new();
    let mut archive = tar::Archive::new(from);
    let mut count = 0_usize;
    // The holes of a sparse member are not in the archive, so written bytes count too.
    let mut left = limits.archive_bytes;
    let entries = archive.entries().map_err(|error| broken(name, &error))?;
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                notes.push(broken_after(name, &error, count));
                break;
            }
        };
        if count == limits.archive_entries {
            let message = format!("more than {count} members; the rest was not read");
            notes.push(plain_note(
                NoteKind::Unread,
                name,
                message,
                "Unpack it and scan the directory.",
            ));
            break;
        }
        count += 1;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let Ok(path) = entry.path().map(|path| path.into_owned()) else { continue };
        let (inside, escapes) = inside(&path);
        if inside.as_os_str().is_empty() {
            continue;
        }
        let member = format!("{name}:{}", inside.display());
        if escapes {
            let message = format!(
                "the path of member `{}` leads outside the archive; read as `{}`",
                path.display(),
                inside.display()
            );
            let remedy = "Such an archive may be malicious: do not unpack it.";
            notes.push(plain_note(NoteKind::Warning, &member, message, remedy));
        }
        if entry.size() > limits.file_bytes {
            notes.push(too_large(&member, limits.file_bytes));
            continue;
        }
        if entry.size() > left {
            let error =
                io::Error::other(format!("it unpacks to more than {}", size(limits.archive_bytes)));
            notes.push(broken_after(name, &error, count - 1));
            break;
        }
        left -= entry.size();
        let target = folder.path().join(&inside);
        match write(&mut entry, &target, limits.file_bytes) {
            Ok(()) => {}
            Err(Failure::Target(error)) => {
                let message = format!("could not be unpacked: {error}");
                notes.push(plain_note(NoteKind::Unread, &member, message, ""));
            }
            Err(Failure::Archive(error)) => {
                let _ = fs::remove_file(&target);
                notes.push(broken_after(name, &error, count - 1));
                break;
            }
        }
    }
    Ok(Unpacked::Folder(folder, notes))
}

/// Reading the archive or writing to disk failed.
enum Failure {
    Archive(io::Error),
    Target(io::Error),
}

fn write(from: &mut impl Read, target: &Path, limit: u64) -> Result<(), Failure> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(Failure::Target)?;
    }
    let mut file = File::create(target).map_err(Failure::Target)?;
    let mut left = limit;
    let mut buffer = [0; 32 << 10];
    while left > 0 {
        let wanted = buffer.len().min(left as usize);
        let got = from.read(&mut buffer[..wanted]).map_err(Failure::Archive)?;
        if got == 0 {
            break;
        }
        io::Write::write_all(&mut file, &buffer[..got]).map_err(Failure::Target)?;
        left -= got as u64;
    }
    Ok(())
}

/// Returns the path of a member below the directory, and whether its name leads out of it.
fn inside(path: &Path) -> (PathBuf, bool) {
    let mut escapes = false;
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            Component::ParentDir => escapes |= !inside.pop(),
            Component::RootDir | Component::Prefix(_) => escapes = true,
        }
    }
    (inside, escapes)
}

fn broken(name: &str, error: &io::Error) -> Note {
    let message = format!("the archive could not be read: {error}");
    plain_note(NoteKind::Unread, name, message, "Check that it is complete.")
}

fn broken_after(name: &str, error: &io::Error, count: usize) -> Note {
    let message = format!("the archive could not be read after {count} members: {error}");
    plain_note(NoteKind::Unread, name, message, "Check that it is complete.")
}

/// Whether a block is a tar header with a valid checksum, or the empty block of an empty archive.
fn is_tar(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK) else { return false };
    if block.iter().all(|&byte| byte == 0) {
        return true;
    }
    let digits = block[148..156].iter().filter(|byte| byte.is_ascii_digit());
    let said = digits.fold(0_u32, |sum, byte| sum * 8 + u32::from(byte.wrapping_sub(b'0')));
    let sum = |range: &[u8]| range.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    said == sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..])
}

/// Counts the bytes read from the compressed side.
struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + got as u64);
        Ok(got)
    }
}

/// Fails if an archive exceeds the size limit or the compression ratio.
struct Bounded<R> {
    inner: R,
    given: u64,
    taken: Rc<Cell<u64>>,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.given += got as u64;
        let Limits { archive_bytes, archive_ratio, .. } = self.limits;
        if self.given > archive_bytes {
            let message = format!("it unpacks to more than {}", size(archive_bytes));
            return Err(io::Error::other(message));
        }
        if self.given > FREE.saturating_add(self.taken.get().saturating_mul(archive_ratio)) {
            let message = format!("it unpacks to more than {archive_ratio} times its size");
            return Err(io::Error::other(message));
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_inside() {
        let cases = [
            ("a/b.yaml", "a/b.yaml", false),
            ("./a/../b.yaml", "b.yaml", false),
            ("../b.yaml", "b.yaml", true),
            ("a/../../b.yaml", "b.yaml", true),
            ("/etc/b.yaml", "etc/b.yaml", true),
        ];
        for (path, expected, escapes) in cases {
            assert_eq!(inside(Path::new(path)), (PathBuf::from(expected), escapes), "{path}");
        }
    }
}
