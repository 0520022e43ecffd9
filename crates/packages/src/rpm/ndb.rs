//! NDB, the database of SUSE (rpm's `lib/backend/ndb/rpmpkg.c`): pages of slots with the location
//! of each package header, in blocks of 16 bytes. Numbers are little-endian.

use super::bytes::Bytes;
use super::{Blobs, Damage};

pub(super) const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";

const PAGE: usize = 4096;
const BLOCK: usize = 16;
/// The size of the file header in bytes, which replaces the first slots.
const HEADER: usize = 32;

pub(super) fn read(bytes: &Bytes<'_>, blobs: &mut Blobs<'_>) -> Result<(), Damage> {
    let head = bytes.get(0, HEADER).ok_or(Damage("it is truncated"))?;
    let pages = number(&head, 12).ok_or(Damage("it is truncated"))? as usize;
    if pages.saturating_mul(PAGE) > bytes.len() {
        return Err(Damage("its slots are truncated"));
    }
    for page in 0..pages {
        let slots = bytes.get(page * PAGE, PAGE).ok_or(Damage("its slots are truncated"))?;
        let first = if page == 0 { HEADER } else { 0 };
        for slot in slots[first..].chunks_exact(BLOCK) {
            let package = number(slot, 4).unwrap_or(0);
            if !slot.starts_with(SLOT) || package == 0 {
                continue;
            }
            let place = number(slot, 8).unwrap_or(0) as usize * BLOCK;
            // Several slots may refer to one location, so count its length before reading it.
            let length = || {
                let head = bytes.get(place, BLOCK)?;
                (head.starts_with(BLOB) && number(&head, 4)? == package).then_some(())?;
                Some(number(&head, 12)? as usize)
            };
            let length = length().filter(|length| *length <= bytes.len());
            if let Some(length) = length {
                blobs.room(length)?;
            }
            match length.and_then(|length| bytes.get(place + BLOCK, length)) {
                Some(blob) => blobs.take(blob)?,
                None => blobs.problem("the place of a package is damaged"),
            }
        }
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
