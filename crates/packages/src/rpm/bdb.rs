//! Berkeley DB's hash (Oracle Berkeley DB 5.3, `dbinc/db_page.h`): each page of it has pairs of a
//! number and a header, or of a number and the first of the pages with the header's pieces.
//!
//! All pages of the file are looked at, instead of following buckets: a page belongs to one
//! bucket, and free pages have another type.

use std::borrow::Cow;

use super::bytes::Bytes;
use super::{Blobs, Damage};

/// At 12, in the order of bytes of the machine that wrote it.
const MAGIC: u32 = 0x0006_1561;
const HASH_METADATA: u8 = 8;

/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Types of items.
const IN_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Bytes of a page's own header.
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
        // Items grow from the end of a page to its start: one ends where that before it begins.
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
            // Number 0 holds the last number that was given.
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

    /// A header that is in pages of its own.
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
            // A visit costs as well: pieces may be of one byte.
            blobs.room(HEADER)?;
            let Some(page) = self.bytes_of(next as usize) else { return Ok(None) };
            let piece = || {
                (page.get(25) == Some(&OVERFLOW)).then_some(())?;
                // In these pages the field for the first free byte is the length.
                let bytes = page.get(HEADER..HEADER.checked_add(self.half(&page, 22)?)?)?;
                Some((bytes, number(&page, 16, self.is_big)?))
            };
            // A piece without bytes could lead round and round.
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
