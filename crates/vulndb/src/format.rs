//! The file format, version 3.
//!
//! All numbers in tables are little-endian; those in records are LEB128. A text is a number: its
//! place in the table of texts, in which each stands once, frequent ones first.
//!
//! | section | content |
//! | --- | --- |
//! | 0 text ends | a `u32` a text: where it ends in section 1 |
//! | 1 texts | UTF-8, one behind the other |
//! | 2 feeds | name, licences, records, newest change, and a byte (1 its reader was tried, 2 it has only signals) of each feed |
//! | 3 packages | 12 bytes each: ecosystem, name, place in section 4; in the order of these texts |
//! | 4 affected | what records say of a package |
//! | 5 advisory places | a `u32` an advisory: its place in section 6 |
//! | 6 advisories | ids, what they cover, title, address, scores |
//! | 7 ids | 8 bytes each: id, advisory; in the order of the ids |
//! | 8 signals | 22 bytes each: CVE, EPSS (probability, percentile plus one), catalog, place in section 9; in the order of the CVEs |
//! | 9 scores | vectors by CVE |
//! | 10 withdrawn | 12 bytes each: id, record, time, of records that were withdrawn; in the order of the ids |
//!
//! Opening reads the header alone. Every later read is bounded by the section and by the number of
//! bytes that are left, so that a damaged file gives an error and nothing else.

pub(crate) const MAGIC: &[u8; 8] = b"PVVULN\0\x04";
pub(crate) const SECTIONS: usize = 11;
/// The magic, the length of the file, an offset and a length for each section.
pub(crate) const HEADER: usize = 16 + SECTIONS * 16;
pub(crate) const PACKAGE_ROW: usize = 12;
pub(crate) const ID_ROW: usize = 8;
pub(crate) const SIGNAL_ROW: usize = 22;
pub(crate) const WITHDRAWN_ROW: usize = 12;
/// Of a feed: its reader was tried.
pub(crate) const TRIED: u8 = 1;
/// Of a feed: it has no records, only signals.
pub(crate) const SIGNALS: u8 = 2;
/// No place in the section of scores.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// In a day of the catalog: ransomware uses it.
pub(crate) const RANSOMWARE: u32 = 1 << 31;

/// Why a database cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// The first bytes are those of something else, or of another version of the format.
    #[error("this is not a vulnerability database for this version of pavisade")]
    Foreign,
    /// A length, a place or a text is impossible.
    #[error("the vulnerability database is damaged or incomplete")]
    Damaged,
}

pub(crate) fn number(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn at(section: &'a [u8], place: u32) -> Result<Self, DatabaseError> {
        let rest = section.get(place as usize..).ok_or(DatabaseError::Damaged)?;
        Ok(Self { rest })
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DatabaseError> {
        let (first, rest) = self.rest.split_first().ok_or(DatabaseError::Damaged)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self) -> Result<u32, DatabaseError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            let part = u32::from(byte & 0x7f);
            let shifted = part.checked_shl(shift).filter(|s| s >> shift == part);
            value |= shifted.ok_or(DatabaseError::Damaged)?;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DatabaseError::Damaged)
    }

    /// How many follow; each takes a byte at least, so more than the bytes that are left is wrong.
    pub(crate) fn count(&mut self) -> Result<usize, DatabaseError> {
        let count = self.number()? as usize;
        if count > self.rest.len() {
            return Err(DatabaseError::Damaged);
        }
        Ok(count)
    }

    /// A list whose elements are read one by one.
    pub(crate) fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        (0..self.count()?).map(|_| each(self)).collect()
    }
}

/// A `u32` of a table.
pub(crate) fn u32_at(section: &[u8], place: usize) -> Result<u32, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(DatabaseError::Damaged)
}

/// A `u64` of a table.
pub(crate) fn u64_at(section: &[u8], place: usize) -> Result<u64, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<8>());
    bytes.map(|bytes| u64::from_le_bytes(*bytes)).ok_or(DatabaseError::Damaged)
}

/// Three bytes of a table.
pub(crate) fn u24_at(section: &[u8], place: usize) -> Result<u32, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<3>());
    let [a, b, c] = bytes.ok_or(DatabaseError::Damaged)?;
    Ok(u32::from_le_bytes([*a, *b, *c, 0]))
}
