//! The bytes of a database with random access. A large one is compressed in blocks while it is
//! read, to limit memory: rpm headers shrink to a third.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::rc::Rc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The size of a block in bytes.
const BLOCK: usize = 64 << 10;
/// The number of uncompressed blocks in the cache.
const OPEN: usize = 64;
/// The limits for a database.
#[derive(Clone, Copy)]
struct Sizes {
    /// The largest database that is kept uncompressed, in bytes.
    plain: usize,
    /// The total size of all compressed blocks in bytes.
    packed: usize,
}
const SIZES: Sizes = Sizes { plain: 24 << 20, packed: 64 << 20 };

pub(super) enum Bytes<'a> {
    Plain(Cow<'a, [u8]>),
    Packed(Packed),
}

pub(super) struct Packed {
    length: usize,
    blocks: Vec<Box<[u8]>>,
    open: RefCell<VecDeque<(usize, Rc<[u8]>)>>,
}

/// Why a database is not read.
pub(super) const TOO_LARGE: &str = "it is too large";

impl<'a> Bytes<'a> {
    /// Reads a database; `None` if it exceeds `limit` or the compressed limit.
    pub(super) fn read(from: &mut dyn Read, limit: u64) -> io::Result<Option<Bytes<'static>>> {
        Self::read_sized(from, limit, SIZES)
    }

    fn read_sized(
        from: &mut dyn Read,
        limit: u64,
        sizes: Sizes,
    ) -> io::Result<Option<Bytes<'static>>> {
        let mut plain = Vec::new();
        from.take(sizes.plain as u64 + 1).read_to_end(&mut plain)?;
        if plain.len() <= sizes.plain {
            let fits = plain.len() as u64 <= limit;
            return Ok(fits.then_some(Bytes::Plain(Cow::Owned(plain))));
        }
        let mut packed = Packed { length: 0, blocks: Vec::new(), open: RefCell::default() };
        let mut room = sizes.packed;
        // Compress and release the data so far, one block at a time.
        let mut rest = VecDeque::from(plain);
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            let ready = BLOCK.min(rest.len());
            block.extend(rest.drain(..ready));
            if rest.is_empty() {
                rest = VecDeque::new();
            }
            from.take((BLOCK - block.len()) as u64).read_to_end(&mut block)?;
            if block.is_empty() {
                return Ok(Some(Bytes::Packed(packed)));
            }
            packed.length += block.len();
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&block)?;
            let bytes = encoder.finish()?.into_boxed_slice();
            match room.checked_sub(bytes.len()) {
                Some(left) if packed.length as u64 <= limit => room = left,
                _ => return Ok(None),
            }
            packed.blocks.push(bytes);
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Packed(packed) => packed.length,
        }
    }

    /// Returns `length` bytes at an offset; `None` if there are fewer.
    pub(super) fn get(&self, at: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        let end = at.checked_add(length)?;
        match self {
            Self::Plain(bytes) => bytes.get(at..end).map(Cow::Borrowed),
            Self::Packed(packed) => packed.get(at, end).map(Cow::Owned),
        }
    }
}

impl Packed {
    fn get(&self, mut at: usize, end: usize) -> Option<Vec<u8>> {
        if end > self.length {
            return None;
        }
        let mut bytes = Vec::with_capacity(end - at);
        while at < end {
            let block = self.block(at / BLOCK)?;
            let part = block.get(at % BLOCK..)?;
            let part = &part[..part.len().min(end - at)];
            if part.is_empty() {
                return None;
            }
            bytes.extend_from_slice(part);
            at += part.len();
        }
        Some(bytes)
    }

    fn block(&self, number: usize) -> Option<Rc<[u8]>> {
        let mut open = self.open.borrow_mut();
        if let Some(at) = open.iter().position(|(known, _)| *known == number) {
            let found = open.remove(at)?;
            let bytes = Rc::clone(&found.1);
            open.push_front(found);
            return Some(bytes);
        }
        let mut bytes = Vec::with_capacity(BLOCK);
        DeflateDecoder::new(&**self.blocks.get(number)?).read_to_end(&mut bytes).ok()?;
        let bytes: Rc<[u8]> = bytes.into();
        open.truncate(OPEN - 1);
        open.push_front((number, Rc::clone(&bytes)));
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes { plain: 150_000, packed: 400_000 };

    #[test]
    fn a_large_database_is_the_same_packed() {
        let plain = SMALL.plain;
        let text: Vec<u8> =
            (0..plain as u32 / 4 + 50_000).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let read = |bytes: &[u8], limit: usize| {
            Bytes::read_sized(&mut &*bytes, limit as u64, SMALL).unwrap()
        };
        let bytes = read(&text, usize::MAX).unwrap();
        assert!(matches!(bytes, Bytes::Packed(_)));
        assert_eq!(bytes.len(), text.len());
        for (at, length) in [
            (0, 1),
            (0, BLOCK),
            (BLOCK - 3, 7),
            (plain - 5, 180_000),
            (text.len() - 4, 4),
            (text.len(), 0),
        ] {
            assert_eq!(bytes.get(at, length).as_deref(), text.get(at..at + length), "{at}");
        }
        assert!(bytes.get(text.len() - 3, 4).is_none());
        assert!(bytes.get(usize::MAX, 4).is_none());
        // Larger than the limit, and incompressible.
        assert!(read(&text, plain + 5).is_none());
        assert!(read(&text, 5).is_none());
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) as u32
        };
        let noise: Vec<u8> =
            (0..(SMALL.packed + BLOCK) / 4).flat_map(|_| noise().to_le_bytes()).collect();
        assert!(read(&noise, usize::MAX).is_none());
    }
}
