//! An rpm header (rpm's `docs/manual/hregions.md`, "Header Structure"): the number of entries and
//! of data bytes, the entries (tag, type, offset, count), and the data. All numbers are big-endian.

use std::borrow::Cow;

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const LICENCE: u32 = 1014;
pub(super) const ARCHITECTURE: u32 = 1022;
pub(super) const SOURCE: u32 = 1044;
const FILE_STATES: u32 = 1029;
const FILE_DIGESTS: u32 = 1035;
/// The hash of the digests, numbered as in RFC 4880; MD5 if absent.
pub(super) const DIGEST_ALGORITHM: u32 = 5011;
const OLD_FILES: u32 = 1027;
const FOLDER_OF: u32 = 1116;
const BASENAMES: u32 = 1117;
const FOLDERS: u32 = 1118;

const INT_32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const TRANSLATED: u32 = 9;

const ENTRY: usize = 16;
/// The longest path in bytes.
const MAX_PATH: usize = 4096;

/// A header.
pub(super) struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn of(blob: &'a [u8]) -> Option<Self> {
        let count = number(blob, 0)? as usize;
        let length = number(blob, 4)? as usize;
        let rest = blob.get(8..)?;
        let (entries, data) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
        Some(Self { entries, data: data.get(..length)? })
    }

    /// Returns the type and count of an entry, and the data from its start.
    fn entry(&self, tag: u32) -> Option<(u32, usize, &'a [u8])> {
        let entry = self.entries.chunks_exact(ENTRY).find(|entry| number(entry, 0) == Some(tag))?;
        let offset = number(entry, 8)? as usize;
        Some((number(entry, 4)?, number(entry, 12)? as usize, self.data.get(offset..)?))
    }

    /// Returns a string, or the first of several.
    pub(super) fn text(&self, tag: u32) -> Option<Cow<'a, str>> {
        let (kind, _, data) = self.entry(tag)?;
        matches!(kind, STRING | STRING_ARRAY | TRANSLATED).then_some(())?;
        Some(String::from_utf8_lossy(texts(data, 1).next()?))
    }

    /// Returns a number, or the first of several.
    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        let (kind, _, data) = self.entry(tag)?;
        if kind == INT_32 { number(data, 0) } else { None }
    }

    fn all(&self, tag: u32) -> Option<impl Iterator<Item = &'a [u8]>> {
        let (kind, count, data) = self.entry(tag)?;
        (kind == STRING_ARRAY).then(|| texts(data, count))
    }

    /// Calls `each` with every installed file, without a leading slash, and the digest of its content,
    /// which directories and links do not have.
    pub(super) fn files(&self, each: &mut dyn FnMut(&str, Option<&str>)) {
        let states = self
            .entry(FILE_STATES)
            .map_or(&[][..], |(_, count, data)| data.get(..count).unwrap_or(&[]));
        // Some files were not installed (documentation) or were replaced by another package.
        let is_there = |index: usize| states.get(index).is_none_or(|state| *state == 0);
        let digests: Vec<_> = self.all(FILE_DIGESTS).into_iter().flatten().collect();
        let digest = |index: usize| {
            let text = std::str::from_utf8(digests.get(index)?).ok()?;
            (!text.is_empty()).then_some(text)
        };
        let mut add = |index: usize, folder: &[u8], name: &[u8]| {
            if !is_there(index) || folder.len() + name.len() > MAX_PATH {
                return;
            }
            let path = [folder, name].concat();
            each(String::from_utf8_lossy(&path).trim_start_matches('/'), digest(index));
        };
        if let Some(names) = self.all(BASENAMES) {
            let folders: Vec<_> = self.all(FOLDERS).into_iter().flatten().collect();
            let Some((INT_32, _, folder_of)) = self.entry(FOLDER_OF) else { return };
            for (index, name) in names.enumerate() {
                let folder = number(folder_of, index * 4).and_then(|at| folders.get(at as usize));
                if let Some(folder) = folder {
                    add(index, folder, name);
                }
            }
        } else if let Some(names) = self.all(OLD_FILES) {
            for (index, name) in names.enumerate() {
                add(index, b"", name);
            }
        }
    }
}

/// Splits NUL-terminated strings.
fn texts(data: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let end = memchr::memchr(0, rest)?;
        let text = &rest[..end];
        rest = &rest[end + 1..];
        Some(text)
    })
    .take(count)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
