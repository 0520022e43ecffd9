//! Decompresses the bytes of a layer within limits.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::{Limits, Refusal};

/// The size of the read buffer in bytes.
pub(crate) const BUFFER: usize = 1 << 16;
/// The ratio is not checked up to this size.
const FREE: u64 = 16 << 20;

/// Decompresses a blob. The compression is detected from its first bytes because media types can be
/// wrong. gzip may have several members, and zstd several frames.
pub(crate) fn unpack<'a>(packed: impl Read + 'a, limits: &Limits) -> io::Result<impl Read + 'a> {
    let count = Rc::new(Cell::new(0));
    let mut counted = Counted { from: packed, count: count.clone() };
    // A connection may return its first bytes one at a time.
    let mut head = Vec::new();
    counted.by_ref().take(16).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let packed = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(counted));
    let from: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            // The logarithm of the decoder's window size; image builders use smaller windows.
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        Compression::Foreign(name) => return Err(io::Error::other(TooMuch::Foreign(name))),
    };
    Ok(Bounded { from, packed: count, read: 0, limits: *limits })
}

/// The compression of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    /// A format that no image specification allows.
    Foreign(&'static str),
}

impl Compression {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1F, 0x8B, ..] => Self::Gzip,
            // The second pattern starts a skippable frame.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Self::Zstd,
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Self::Foreign("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', ..] => Self::Foreign("bzip2"),
            [b'P', b'K', 3, 4, ..] => Self::Foreign("zip"),
            _ => Self::None,
        }
    }
}

/// Counts the bytes read from a blob.
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

/// Returns an error if there are more bytes than the limits allow.
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

/// Why a layer is not read.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum TooMuch {
    #[error("too many bytes")]
    Bytes,
    #[error("too many bytes for what it was")]
    Ratio,
    #[error("compressed with {0}")]
    Foreign(&'static str),
}

/// Converts an error of this module into its refusal.
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
