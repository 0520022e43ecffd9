//! ZIP archives (APPNOTE.TXT 6.3.10) in memory: the entries of the central directory and the
//! content of single entries.
//!
//! Only inflated data is copied, within a limit. Archives that do not fit in memory are read by
//! [`local`].

pub(crate) mod local;

use std::io::Read as _;

use flate2::bufread::DeflateDecoder;

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// The signature of the central directory, which may follow its entries.
const SIGNATURE: &[u8] = b"PK\x05\x05";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// The fixed lengths of these records.
const END_LENGTH: usize = 22;
const LOCATOR_LENGTH: usize = 20;
const ENTRY_LENGTH: usize = 46;
const LOCAL_LENGTH: usize = 30;

/// The flag of an encrypted entry.
const ENCRYPTED: u64 = 1;

const STORED: u64 = 0;
const DEFLATED: u64 = 8;

/// Why an archive or an entry is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is no central directory.
    #[error("it is not a zip archive")]
    NoArchive,
    /// A length or offset is invalid.
    #[error("the zip archive is damaged")]
    Damaged,
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// It is neither stored nor deflated.
    #[error("its compression method is not supported")]
    Compression,
    /// It is larger than allowed.
    #[error("it is too large uncompressed")]
    TooLarge,
}

/// A ZIP archive.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    bytes: &'a [u8],
    /// The central directory.
    directory: &'a [u8],
    /// The bytes before the archive, from where offsets count.
    base: usize,
}

/// An entry of the central directory.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The name as written.
    pub name: &'a [u8],
    flags: u64,
    method: u64,
    packed: u64,
    offset: u64,
}

impl<'a> Archive<'a> {
    /// Finds the central directory.
    ///
    /// # Errors
    /// It is missing or outside the bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        const MAX_COMMENT: usize = 0xFFFF;
        let first = bytes.len().saturating_sub(END_LENGTH + MAX_COMMENT);
        let tail = bytes.len().checked_sub(END_LENGTH).ok_or(Unreadable::NoArchive)?;
        let behind = |at: &usize| {
            let comment = bytes[*at..].starts_with(END).then(|| number(bytes, at + 20, 2))??;
            (bytes.len() as u64).checked_sub((at + END_LENGTH) as u64 + comment)
        };
        // A comment may contain the signature as well, and other data may follow: prefer the record
        // whose comment ends with the file.
        let ends = || (first..=tail).rev();
        let end = ends().find(|at| behind(at) == Some(0));
        let end = end.or_else(|| ends().find(|at| behind(at).is_some()));
        let end = end.ok_or(Unreadable::NoArchive)?;
        let (mut size, mut offset) = (number(bytes, end + 12, 4), number(bytes, end + 16, 4));
        let mut directory_end = end;
        if size == Some(0xFFFF_FFFF) || offset == Some(0xFFFF_FFFF) {
            let at = end_64(bytes, end).ok_or(Unreadable::Damaged)?;
            (size, offset) = (number(bytes, at + 40, 8), number(bytes, at + 48, 8));
            directory_end = at;
        }
        let place = || {
            let (size, offset) = (usize::try_from(size?).ok()?, usize::try_from(offset?).ok()?);
            let start = directory_end.checked_sub(size)?;
            Some((start, start.checked_sub(offset)?))
        };
        let (start, base) = place().ok_or(Unreadable::Damaged)?;
        Ok(Self { bytes, directory: &bytes[start..directory_end], base })
    }

    /// Returns the entries up to the first damaged one.
    pub fn entries(self) -> impl Iterator<Item = Result<Entry<'a>, Unreadable>> {
        let mut rest = self.directory;
        std::iter::from_fn(move || {
            let Some((entry, length)) = entry(rest) else {
                let is_end = rest.is_empty() || rest.starts_with(SIGNATURE);
                rest = &[];
                return (!is_end).then_some(Err(Unreadable::Damaged));
            };
            rest = rest.get(length..).unwrap_or(&[]);
            Some(Ok(entry))
        })
    }

    /// Returns the compressed content of an entry.
    ///
    /// # Errors
    /// It is outside the bytes, encrypted, or uses an unknown compression.
    pub fn packed(self, entry: &Entry<'_>) -> Result<Packed<'a>, Unreadable> {
        if entry.flags & ENCRYPTED != 0 {
            return Err(Unreadable::Encrypted);
        }
        let place = || {
            let at = self.base.checked_add(usize::try_from(entry.offset).ok()?)?;
            let local = self.bytes.get(at..)?;
            local.starts_with(LOCAL).then_some(())?;
            let (name, extra) = (number(local, 26, 2)?, number(local, 28, 2)?);
            let start = LOCAL_LENGTH + usize::try_from(name + extra).ok()?;
            local.get(start..start.checked_add(usize::try_from(entry.packed).ok()?)?)
        };
        let bytes = place().ok_or(Unreadable::Damaged)?;
        match entry.method {
            STORED => Ok(Packed::Stored(bytes)),
            DEFLATED => Ok(Packed::Deflated(bytes)),
            _ => Err(Unreadable::Compression),
        }
    }
}

/// The content of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Packed<'a> {
    /// Uncompressed.
    Stored(&'a [u8]),
    /// Compressed with DEFLATE (RFC 1951).
    Deflated(&'a [u8]),
}

impl<'a> Packed<'a> {
    /// Returns the bytes if they are not compressed.
    pub(crate) fn stored(self) -> Option<&'a [u8]> {
        match self {
            Self::Stored(bytes) => Some(bytes),
            Self::Deflated(_) => None,
        }
    }

    /// Decompresses into a new buffer.
    ///
    /// # Errors
    /// The data is damaged or larger than `most` bytes.
    pub fn unpacked(self, most: usize) -> Result<Vec<u8>, Unreadable> {
        let start = self.start(most.saturating_add(1))?;
        if start.len() > most { Err(Unreadable::TooLarge) } else { Ok(start) }
    }

    /// Returns at most `most` bytes from the start.
    pub(crate) fn start(self, most: usize) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Stored(bytes) => Ok(bytes[..bytes.len().min(most)].to_vec()),
            Self::Deflated(bytes) => {
                let mut out = Vec::new();
                let mut inflated = DeflateDecoder::new(bytes).take(most as u64);
                inflated.read_to_end(&mut out).map_err(|_| Unreadable::Damaged)?;
                Ok(out)
            }
        }
    }
}

/// Returns the offset of the zip64 end record.
fn end_64(bytes: &[u8], end: usize) -> Option<usize> {
    let locator = end.checked_sub(LOCATOR_LENGTH)?;
    bytes[locator..].starts_with(LOCATOR_64).then_some(())?;
    let written = usize::try_from(number(bytes, locator + 8, 8)?).ok()?;
    let is_it = |at: &usize| bytes.get(*at..).is_some_and(|rest| rest.starts_with(END_64));
    // If bytes precede the archive, the record is right before its locator, unless it has an
    // extension.
    Some(written).filter(is_it).or_else(|| locator.checked_sub(56).filter(is_it))
}

fn entry(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    bytes.starts_with(ENTRY).then_some(())?;
    let field = |at, length| number(bytes, at, length);
    let lengths = [field(28, 2)?, field(30, 2)?, field(32, 2)?].map(|length| length as usize);
    let name = bytes.get(ENTRY_LENGTH..ENTRY_LENGTH + lengths[0])?;
    let extra = ENTRY_LENGTH + lengths[0]..ENTRY_LENGTH + lengths[0] + lengths[1];
    let (mut packed, mut offset) = (field(20, 4)?, field(42, 4)?);
    // Oversized fields are in an extra field, in this order.
    let mut wide = large(bytes.get(extra)?).unwrap_or(&[]);
    let mut next = |value: u64| -> Option<u64> {
        if value != 0xFFFF_FFFF {
            return Some(value);
        }
        let found = number(wide, 0, 8)?;
        wide = wide.get(8..)?;
        Some(found)
    };
    next(field(24, 4)?)?;
    packed = next(packed)?;
    offset = next(offset)?;
    let entry = Entry { name, flags: field(8, 2)?, method: field(10, 2)?, packed, offset };
    Some((entry, ENTRY_LENGTH + lengths.iter().sum::<usize>()))
}

/// Returns the zip64 extra field.
fn large(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, length) = (number(extra, 0, 2)?, number(extra, 2, 2)? as usize);
        let content = extra.get(4..4 + length)?;
        if kind == 1 {
            return Some(content);
        }
        extra = &extra[4 + length..];
    }
}

/// Reads a little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
pub(crate) mod tests;
