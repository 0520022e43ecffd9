//! NDB, SUSE's database (rpm's `lib/backend/ndb/rpmpkg.c`): pages of slots that say where the header
//! of a package is, in blocks of 16 bytes. Numbers are little-endian.

use std::borrow::Cow;

use super::{Blobs, Damage};

pub(super) const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";

const PAGE: usize = 4096;
const BLOCK: usize = 16;
/// Bytes of the file's own header, in the place of the first slots.
const HEADER: usize = 32;

pub(super) fn read(bytes: &[u8], blobs: &mut Blobs) -> Result<(), Damage> {
    let pages = number(bytes, 12).ok_or(Damage("it is truncated"))? as usize;
    let end = pages.saturating_mul(PAGE);
    let slots = bytes.get(HEADER..end).ok_or(Damage("its slots are truncated"))?;
    for slot in slots.chunks_exact(BLOCK) {
        let package = number(slot, 4).unwrap_or(0);
        if !slot.starts_with(SLOT) || package == 0 {
            continue;
        }
        let place = number(slot, 8).unwrap_or(0) as usize * BLOCK;
        let blob = || {
            let blob = bytes.get(place..)?;
            (blob.starts_with(BLOB) && number(blob, 4)? == package).then_some(())?;
            let length = number(blob, 12)? as usize;
            blob.get(BLOCK..BLOCK.checked_add(length)?)
        };
        match blob() {
            Some(blob) => {
                // Slots may lead to one place: each is read, but none is copied.
                blobs.room(blob.len())?;
                blobs.take(Cow::Borrowed(blob))?;
            }
            None => blobs.problem("the place of a package is damaged"),
        }
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
