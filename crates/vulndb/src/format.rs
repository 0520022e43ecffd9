//! The file format, version 3.
//!
//! All numbers in tables are little-endian; those in records are LEB128. A string is stored as its
//! index in the string table, which has no duplicates and starts with the most frequent ones.
//!
//! | section | content |
//! | --- | --- |
//! | 0 string ends | a `u32` per string: its end in section 1 |
//! | 1 strings | concatenated UTF-8 |
//! | 2 feeds | per feed: name, licences, records, newest change, and flags (1: its reader was tested, 2: it has only signals) |
//! | 3 packages | 12 bytes each: ecosystem, name, offset in section 4; sorted by these strings |
//! | 4 affected | the package entries of records |
//! | 5 advisory offsets | a `u32` per advisory: its offset in section 6 |
//! | 6 advisories | IDs, covered CVEs, title, URL, scores |
//! | 7 IDs | 8 bytes each: ID, advisory; sorted by ID |
//! | 8 signals | 22 bytes each: CVE, EPSS (probability, percentile plus one), catalog, offset in section 9; sorted by CVE |
//! | 9 scores | vectors by CVE |
//! | 10 withdrawn | 12 bytes each: ID, record, time of withdrawn records; sorted by ID |
//!
//! Opening a file reads only the header. Every later read is limited to its section and the
//! remaining bytes, so a damaged file causes an error and nothing else.

pub(crate) const MAGIC: &[u8; 8] = b"PVVULN\0\x04";
pub(crate) const SECTIONS: usize = 11;
/// The magic, the length of the file, and an offset and length for each section.
pub(crate) const HEADER: usize = 16 + SECTIONS * 16;
pub(crate) const PACKAGE_ROW: usize = 12;
pub(crate) const ID_ROW: usize = 8;
pub(crate) const SIGNAL_ROW: usize = 22;
pub(crate) const WITHDRAWN_ROW: usize = 12;
/// Feed flag: its reader was tested with real data.
pub(crate) const TRIED: u8 = 1;
/// Feed flag: it has no records, only signals.
pub(crate) const SIGNALS: u8 = 2;
/// No offset in the scores section.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// Flag in a catalog date: used by ransomware.
pub(crate) const RANSOMWARE: u32 = 1 << 31;

/// Why a database cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// It is not a database, or one of another format version.
    #[error("this is not a vulnerability database for this version of pavisade")]
    Foreign,
    /// A length, offset or string is invalid.
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

    /// Reads a number of elements. Each takes at least one byte, so it cannot exceed the remaining
    /// bytes.
    pub(crate) fn count(&mut self) -> Result<usize, DatabaseError> {
        let count = self.number()? as usize;
        if count > self.rest.len() {
            return Err(DatabaseError::Damaged);
        }
        Ok(count)
    }

    /// Reads a list.
    pub(crate) fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        (0..self.count()?).map(|_| each(self)).collect()
    }
}

/// Reads a `u32` of a table.
pub(crate) fn u32_at(section: &[u8], place: usize) -> Result<u32, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(DatabaseError::Damaged)
}

/// Reads a `u64` of a table.
pub(crate) fn u64_at(section: &[u8], place: usize) -> Result<u64, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<8>());
    bytes.map(|bytes| u64::from_le_bytes(*bytes)).ok_or(DatabaseError::Damaged)
}

/// Reads three bytes of a table.
pub(crate) fn u24_at(section: &[u8], place: usize) -> Result<u32, DatabaseError> {
    let bytes = section.get(place..).and_then(|rest| rest.first_chunk::<3>());
    let [a, b, c] = bytes.ok_or(DatabaseError::Damaged)?;
    Ok(u32::from_le_bytes([*a, *b, *c, 0]))
}
