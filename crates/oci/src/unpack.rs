//! The bytes of a layer, decompressed, counted and limited.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::{Limits, Refusal};

/// Bytes that are read at a time.
pub(crate) const BUFFER: usize = 1 << 16;
/// Up to this size the ratio does not count.
const FREE: u64 = 16 << 20;

/// Unpacks what is read from a blob, whose compression its first bytes tell: media types are not
/// always right. gzip may have several members, zstd several frames.
pub(crate) fn unpack<'a>(packed: impl Read + 'a, limits: &Limits) -> io::Result<impl Read + 'a> {
    let count = Rc::new(Cell::new(0));
    let mut counted = Counted { from: packed, count: count.clone() };
    // A connection may give its first bytes one by one.
    let mut head = Vec::new();
    counted.by_ref().take(16).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let packed = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(counted));
    let from: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            // The decoder keeps a window of that many bits: images are made with smaller ones.
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        Compression::Foreign(name) => return Err(io::Error::other(TooMuch::Foreign(name))),
    };
    Ok(Bounded { from, packed: count, read: 0, limits: *limits })
}

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    /// A form that no specification of images has.
    Foreign(&'static str),
}

impl Compression {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1F, 0x8B, ..] => Self::Gzip,
            // The second begins a frame that is passed over.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Self::Zstd,
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Self::Foreign("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', ..] => Self::Foreign("bzip2"),
            [b'P', b'K', 3, 4, ..] => Self::Foreign("zip"),
            _ => Self::None,
        }
    }
}

/// Counts what is read from a blob.
struct Counted<R> {
    from: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// Ends with an error where there is more than the limits allow.
struct Bounded<R> {
    from: R,
    packed: Rc<Cell<u64>>,
    read: u64,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.read += count as u64;
        let Limits { layer_bytes, ratio, .. } = self.limits;
        if self.read > layer_bytes {
            return Err(io::Error::other(TooMuch::Bytes));
        }
        if self.read > FREE.saturating_add(self.packed.get().saturating_mul(ratio)) {
            return Err(io::Error::other(TooMuch::Ratio));
        }
        Ok(count)
    }
}

/// Why the bytes of a layer are not read.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum TooMuch {
    #[error("too many bytes")]
    Bytes,
    #[error("too many bytes for what it was")]
    Ratio,
    #[error("compressed with {0}")]
    Foreign(&'static str),
}

/// The refusal that an error stands for, where it is one of this module.
pub(crate) fn refused(error: io::Error, what: &str, limits: &Limits) -> Result<Refusal, io::Error> {
    let Some(too_much) = error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) else {
        return Err(error);
    };
    let what = what.to_owned();
    Ok(match *too_much {
        TooMuch::Bytes => Refusal::TooLarge { what, limit: limits.layer_bytes },
        TooMuch::Ratio => Refusal::Ratio(what, limits.ratio),
        TooMuch::Foreign(compression) => Refusal::Compression { what, compression },
    })
}
