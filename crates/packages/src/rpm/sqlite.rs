//! The part of SQLite's file format ([Database File Format]) that is needed to read the table
//! `Packages`: table B-trees, records and overflow pages.
//!
//! Changes that are only in a write-ahead log are not read but reported.
//!
//! [Database File Format]: https://www.sqlite.org/fileformat2.html

use std::borrow::Cow;

use super::bytes::Bytes;
use super::{Blobs, Damage, MAX_PACKAGES};

pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";
/// The bytes before the B-tree on the first page.
const FILE_HEADER: usize = 100;
/// The schema table starts on the first page.
const SCHEMA: u32 = 1;
const TABLE: &[u8] = b"Packages";

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

#[derive(Clone, Copy)]
struct Database<'a> {
    bytes: &'a Bytes<'a>,
    page: usize,
    /// The usable bytes of a page.
    usable: usize,
}

/// The location of a cell: its page and the offset in it.
type Cell = (u32, usize);

pub(super) fn read(bytes: &Bytes<'_>, blobs: &mut Blobs<'_>) -> Result<(), Damage> {
    let database = Database::of(bytes)?;
    let mut root = None;
    for row in database.rows(SCHEMA, blobs) {
        let page = database.cell(row);
        let record = database.record(page.as_ref(), blobs)?;
        let columns = record.as_deref().and_then(columns::<4>);
        if let Some([b"table", TABLE, _, page]) = columns {
            root = number(page, 0, page.len());
        }
    }
    let root = root.and_then(|root| u32::try_from(root).ok());
    let root = root.ok_or(Damage("it has no table `Packages`"))?;
    for row in database.rows(root, blobs) {
        let page = database.cell(row);
        let record = database.record(page.as_ref(), blobs)?;
        match record.as_deref().and_then(columns::<2>) {
            Some([_, blob]) => blobs.take(Cow::Borrowed(blob))?,
            None => blobs.problem("the record of a package is damaged"),
        }
    }
    Ok(())
}

impl<'a> Database<'a> {
    fn of(bytes: &'a Bytes<'a>) -> Result<Self, Damage> {
        const WRONG: Damage = Damage("its page size is not valid");
        let head = bytes.get(0, FILE_HEADER).ok_or(WRONG)?;
        let page = match number(&head, 16, 2).ok_or(WRONG)? {
            1 => 65536,
            size => size as usize,
        };
        let reserved = usize::from(*head.get(20).ok_or(WRONG)?);
        // The minimum that SQLite accepts.
        let usable = page.checked_sub(reserved).filter(|usable| *usable >= 480).ok_or(WRONG)?;
        if !page.is_power_of_two() {
            return Err(WRONG);
        }
        Ok(Self { bytes, page, usable })
    }

    /// Returns a page and the offset of its B-tree. Pages count from 1.
    fn tree(self, number: u32) -> Option<(Cow<'a, [u8]>, usize)> {
        let start = (number as usize).checked_sub(1)?.checked_mul(self.page)?;
        let page = self.bytes.get(start, self.page)?;
        Some((page, if number == SCHEMA { FILE_HEADER } else { 0 }))
    }

    /// Returns the page of a cell and the offset in it.
    fn cell(self, (page, at): Cell) -> Option<(Cow<'a, [u8]>, usize)> {
        Some((self.tree(page)?.0, at))
    }

    /// Returns the cells of all leaves in key order.
    fn rows(self, root: u32, blobs: &mut Blobs<'_>) -> Vec<Cell> {
        let mut seen = vec![false; self.bytes.len().div_ceil(self.page) + 1];
        let mut rows = Vec::new();
        let mut waiting = vec![root];
        while let Some(next) = waiting.pop().filter(|_| rows.len() <= MAX_PACKAGES) {
            let known = seen.get_mut(next as usize);
            let tree = self
                .tree(next)
                .filter(|_| known.is_some_and(|seen| !std::mem::replace(seen, true)));
            let Some((page, start)) = tree else {
                blobs.problem("a page of the database is damaged or duplicated");
                continue;
            };
            let page = &*page;
            let kind = page[start];
            let count = number(page, start + 3, 2).unwrap_or(0) as usize;
            let pointers = start + if kind == INTERIOR { 12 } else { 8 };
            let place = |index: usize| Some(number(page, pointers + index * 2, 2)? as usize);
            let cell = |index: usize| page.get(place(index)?..);
            match kind {
                LEAF => {
                    let places = (0..count).map_while(place).filter(|at| *at <= page.len());
                    rows.extend(places.map(|at| (next, at)));
                }
                INTERIOR => {
                    // The last child first, since the stack returns it last.
                    waiting.extend(number(page, start + 8, 4).map(|page| page as u32));
                    let children = (0..count).rev().filter_map(|index| number(cell(index)?, 0, 4));
                    waiting.extend(children.map(|page| page as u32));
                }
                _ => blobs.problem("a page of the database is of another type"),
            }
        }
        rows
    }

    /// Returns the record of a cell, reassembled from overflow pages; `None` if it is damaged.
    fn record<'p>(
        self,
        cell: Option<&'p (Cow<'a, [u8]>, usize)>,
        blobs: &mut Blobs<'_>,
    ) -> Result<Option<Cow<'p, [u8]>>, Damage> {
        let Some(cell) = cell.and_then(|(page, at)| page.get(*at..)) else { return Ok(None) };
        let parts = || {
            let (length, at) = varint(cell, 0)?;
            let (_, at) = varint(cell, at)?;
            Some((usize::try_from(length).ok()?, at))
        };
        let Some((length, at)) = parts() else { return Ok(None) };
        if length > self.bytes.len() {
            return Ok(None);
        }
        let local = self.local(length);
        let Some(start) = cell.get(at..at + local) else { return Ok(None) };
        blobs.room(length)?;
        if local == length {
            return Ok(Some(Cow::Borrowed(start)));
        }
        let mut record = Vec::with_capacity(length);
        record.extend_from_slice(start);
        let mut next = number(cell, at + local, 4);
        while record.len() < length {
            // Each page extends the record, so a loop of pages terminates.
            let page = next.and_then(|page| self.tree(u32::try_from(page).ok()?));
            let Some((page, _)) = page else { return Ok(None) };
            next = number(&page, 0, 4);
            let content = &page[4..self.usable];
            record.extend_from_slice(&content[..content.len().min(length - record.len())]);
        }
        Ok(Some(Cow::Owned(record)))
    }

    /// Returns the number of record bytes in the cell ("B-tree Cell Format").
    fn local(self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }
}

/// Returns the first columns of a record.
fn columns<const N: usize>(record: &[u8]) -> Option<[&[u8]; N]> {
    let (header, mut at) = varint(record, 0)?;
    let mut content = usize::try_from(header).ok()?;
    let mut columns = [&[][..]; N];
    for column in &mut columns {
        if at as u64 >= header {
            return None;
        }
        let (kind, next) = varint(record, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            // Even for blobs, odd for text.
            _ => (kind - 12) / 2,
        };
        let end = content.checked_add(usize::try_from(length).ok()?)?;
        *column = record.get(content..end)?;
        content = end;
    }
    Some(columns)
}

/// Reads a varint of up to nine bytes, and returns its end.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for index in 0..8 {
        let byte = *bytes.get(at.checked_add(index)?)?;
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((value, at + index + 1));
        }
    }
    let last = *bytes.get(at.checked_add(8)?)?;
    Some((value << 8 | u64::from(last), at + 9))
}

/// Reads a big-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    (length <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
