//! Sparse files: a map says which of their bytes the archive holds.
//!
//! The old GNU format has the map in the header and the blocks after it. The `pax` formats have it
//! in records (0.0 and 0.1) or before the content (1.0).

use std::io;

use super::header::{Block, GNU_SPARSE, number, wrong};
use super::pax::{Sparse, decimal};

/// The largest map in bytes. Go's reader has the same limit.
const MAX_MAP: usize = 1 << 20;

/// The parts of a file that have data, as offset and length, in order.
#[derive(Debug)]
pub(super) struct Map {
    /// The size of the file including holes.
    pub(super) size: u64,
    parts: Vec<(u64, u64)>,
}

impl Map {
    /// # Errors
    /// Parts overlap, are out of order or exceed the file; or the archive holds another number of
    /// bytes.
    fn new(size: i64, numbers: &[i64], stored: u64) -> io::Result<Self> {
        let wrong = || wrong("a sparse file with an invalid map");
        let size = u64::try_from(size).map_err(|_| wrong())?;
        let mut parts: Vec<(u64, u64)> = Vec::with_capacity(numbers.len() / 2);
        let (mut end, mut sum) = (0, 0);
        for pair in numbers.chunks_exact(2) {
            let (Ok(at), Ok(length)) = (u64::try_from(pair[0]), u64::try_from(pair[1])) else {
                return Err(wrong());
            };
            // Neither sum overflows: both terms are non-negative `i64` values.
            if at < end || at + length > size {
                return Err(wrong());
            }
            (end, sum) = (at + length, sum + length);
            parts.push((at, length));
        }
        if sum != stored {
            return Err(wrong());
        }
        Ok(Self { size, parts })
    }

    /// Returns whether there is a hole at an offset, and the number of bytes to its end or to the
    /// end of the data. `next` is the part that was used last.
    pub(super) fn at(&self, at: u64, next: &mut usize) -> (bool, u64) {
        while let Some((start, length)) = self.parts.get(*next) {
            if at < *start {
                return (true, start - at);
            }
            if at < start + length {
                return (false, start + length - at);
            }
            *next += 1;
        }
        (true, self.size.saturating_sub(at))
    }
}

/// Reads a map in the old GNU format. `more` returns the blocks after the header; `size` is the
/// size of the file including holes.
pub(super) fn old(
    header: &Block,
    size: Option<i64>,
    stored: u64,
    mut more: impl FnMut() -> io::Result<Block>,
) -> io::Result<Map> {
    const PAIR: usize = 24;
    let broken = || wrong("an invalid map of a sparse file");
    let size = size.ok_or_else(broken)?;
    let mut numbers = Vec::new();
    let mut read = GNU_SPARSE.len();
    let mut block;
    // Pairs, followed by the flag that says whether another block follows.
    let mut map = &header[GNU_SPARSE];
    loop {
        let pairs = map.len() / PAIR;
        for pair in map.chunks_exact(PAIR).take_while(|pair| pair[0] != 0) {
            numbers.push(number(&pair[..12]).ok_or_else(broken)?);
            numbers.push(number(&pair[12..]).ok_or_else(broken)?);
        }
        if map[pairs * PAIR] == 0 {
            return Map::new(size, &numbers, stored);
        }
        read += size_of::<Block>();
        if read > MAX_MAP {
            return Err(broken());
        }
        block = more()?;
        map = &block[..505];
    }
}

/// Returns the map that the records describe and the number of bytes it takes before the content,
/// or `None` if they describe no sparse file. `stored` is the number of bytes in the archive, whose
/// blocks `more` returns.
pub(super) fn of_records(
    records: &Sparse,
    header_size: u64,
    stored: u64,
    more: impl FnMut() -> io::Result<Block>,
) -> io::Result<Option<(Map, u64)>> {
    let broken = || wrong("an invalid map of a sparse file");
    let in_content = match (&*records.major, &*records.minor) {
        (b"0", b"0" | b"1") => false,
        (b"1", b"0") => true,
        // Other versions are unknown; the first one had no version number.
        (b"", b"") if !records.map.is_empty() => false,
        _ => return Ok(None),
    };
    let size = match (&*records.size, &*records.real_size) {
        (b"", b"") => i64::try_from(header_size).map_err(|_| broken())?,
        (b"", size) | (size, _) => decimal(size).ok_or_else(broken)?,
    };
    if in_content {
        let (numbers, taken) = before_content(more)?;
        let stored = stored.checked_sub(taken).ok_or_else(broken)?;
        return Ok(Some((Map::new(size, &numbers, stored)?, taken)));
    }
    let count = decimal(&records.count).and_then(|count| usize::try_from(count).ok());
    let numbers: Vec<_> = match &*records.map {
        b"" => Vec::new(),
        map => map
            .split(|byte| *byte == b',')
            .map(decimal)
            .collect::<Option<_>>()
            .ok_or_else(broken)?,
    };
    if count.and_then(|count| count.checked_mul(2)) != Some(numbers.len()) {
        return Err(broken());
    }
    Ok(Some((Map::new(size, &numbers, stored)?, 0)))
}

/// Reads a map of version 1.0 in whole blocks: decimal numbers, one per line, starting with the
/// number of pairs.
fn before_content(mut more: impl FnMut() -> io::Result<Block>) -> io::Result<(Vec<i64>, u64)> {
    let broken = || wrong("an invalid map of a sparse file");
    let (mut text, mut start, mut taken) = (Vec::new(), 0, 0);
    let mut next = || {
        loop {
            if let Some(end) = text[start..].iter().position(|byte| *byte == b'\n') {
                let number = decimal(&text[start..start + end]).ok_or_else(broken)?;
                start += end + 1;
                return Ok(number);
            }
            // No number has that many digits.
            if text.len() > MAX_MAP || text.len() - start > size_of::<Block>() {
                return Err(broken());
            }
            let block = more()?;
            taken += block.len() as u64;
            text.extend_from_slice(&block);
        }
    };
    let count = usize::try_from(next()?).map_err(|_| broken())?;
    let mut numbers = Vec::new();
    for _ in 0..count.checked_mul(2).ok_or_else(broken)? {
        numbers.push(next()?);
    }
    Ok((numbers, taken))
}
