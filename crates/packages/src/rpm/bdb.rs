//! Berkeley DB hash files (Oracle Berkeley DB 5.3, `dbinc/db_page.h`): each page has pairs of a
//! number and either a header or the first overflow page of a header.
//!
//! All pages are scanned instead of following buckets: a page belongs to one bucket, and free pages
//! have another type.

use std::borrow::Cow;

use super::bytes::Bytes;
use super::{Blobs, Damage};

/// At offset 12, in the byte order of the machine that wrote it.
const MAGIC: u32 = 0x0006_1561;
const HASH_METADATA: u8 = 8;

/// Page types.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Item types.
const IN_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// The size of a page header in bytes.
const HEADER: usize = 26;

#[derive(Clone, Copy)]
struct Database<'a> {
    bytes: &'a Bytes<'a>,
    page: usize,
    is_big: bool,
}

pub(super) fn read(bytes: &Bytes<'_>, blobs: &mut Blobs<'_>) -> Result<(), Damage> {
    const NONE: Damage = Damage("it is not an rpm database");
    let head = bytes.get(0, HEADER).ok_or(NONE)?;
    let magic = |is_big| number(&head, 12, is_big) == Some(MAGIC);
    let is_big = if magic(false) { false } else { magic(true) };
    if !magic(is_big) || head.get(25) != Some(&HASH_METADATA) {
        return Err(NONE);
    }
    let page = number(&head, 20, is_big).ok_or(NONE)? as usize;
    if !page.is_power_of_two() || !(512..=65536).contains(&page) {
        return Err(Damage("its page size is not valid"));
    }
    let database = Database { bytes, page, is_big };
    for number in 1..bytes.len().div_ceil(page) {
        database.page(number, blobs)?;
    }
    Ok(())
}

impl<'a> Database<'a> {
    fn page(self, number: usize, blobs: &mut Blobs<'_>) -> Result<(), Damage> {
        let Some(page) = self.bytes_of(number) else { return Ok(()) };
        let page = &*page;
        if !matches!(page.get(25), Some(&HASH_UNSORTED | &HASH)) {
            return Ok(());
        }
        let count = self.half(page, 20).unwrap_or(0);
        // Items grow from the end of a page: each ends at the start of the previous one.
        let offset = |index: usize| self.half(page, HEADER + index * 2);
        let item = |index: usize| {
            let end = if index == 0 { page.len() } else { offset(index - 1)? };
            page.get(offset(index)?..end)
        };
        for pair in 0..count / 2 {
            let (Some(key), Some(value)) = (item(pair * 2), item(pair * 2 + 1)) else {
                blobs.problem("an entry of a page is damaged");
                continue;
            };
            // Number 0 holds the last number assigned.
            if key.get(1..).is_some_and(|key| key.iter().all(|byte| *byte == 0)) {
                continue;
            }
            match value.first() {
                Some(&IN_PAGE) => {
                    blobs.room(value.len())?;
                    blobs.take(Cow::Borrowed(&value[1..]))?;
                }
                Some(&OFF_PAGE) => match self.pieces(value, blobs)? {
                    Some(blob) => blobs.take(Cow::Owned(blob))?,
                    None => blobs.problem("the pieces of a package are damaged"),
                },
                _ => blobs.problem("an entry of a page is of another type"),
            }
        }
        Ok(())
    }

    /// Reads a header from its overflow pages.
    fn pieces(self, item: &[u8], blobs: &mut Blobs<'_>) -> Result<Option<Vec<u8>>, Damage> {
        let first = number(item, 4, self.is_big);
        let length = number(item, 8, self.is_big);
        let (Some(mut next), Some(length)) = (first, length) else { return Ok(None) };
        let length = length as usize;
        if length > self.bytes.len() {
            return Ok(None);
        }
        blobs.room(length)?;
        let mut blob = Vec::with_capacity(length);
        while blob.len() < length {
            // Count each page too: a piece may be a single byte.
            blobs.room(HEADER)?;
            let Some(page) = self.bytes_of(next as usize) else { return Ok(None) };
            let piece = || {
                (page.get(25) == Some(&OVERFLOW)).then_some(())?;
                // On overflow pages, the field for the first free byte is the length.
                let bytes = page.get(HEADER..HEADER.checked_add(self.half(&page, 22)?)?)?;
                Some((bytes, number(&page, 16, self.is_big)?))
            };
            // Empty pieces could form an endless loop.
            let Some((bytes, following)) = piece().filter(|(bytes, _)| !bytes.is_empty()) else {
                return Ok(None);
            };
            blob.extend_from_slice(&bytes[..bytes.len().min(length - blob.len())]);
            next = following;
        }
        Ok(Some(blob))
    }

    fn bytes_of(self, number: usize) -> Option<Cow<'a, [u8]>> {
        self.bytes.get(number.checked_mul(self.page)?, self.page)
    }

    fn half(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        let value = if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        Some(usize::from(value))
    }
}

fn number(bytes: &[u8], at: usize, is_big: bool) -> Option<u32> {
    let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}
