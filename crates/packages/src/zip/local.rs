//! Reads ZIP archives as a stream, using the local header before each entry. This covers what
//! Java's `JarInputStream` reads, and needs memory only for one wanted entry at a time.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::{DEFLATED, ENCRYPTED, LOCAL, LOCAL_LENGTH, STORED, Unreadable, large, number};

/// The flag for sizes after the content.
const BEHIND: u64 = 8;
/// The bytes in which the first entry starts: some archives are also executables.
const MAX_BEFORE: usize = 1 << 20;
/// The unpacked bytes of entries with unknown size: a multiple of the bytes read, plus a constant.
const RATIO: u64 = 32;
const FREE: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// Selects and receives entries.
pub(crate) trait Visitor {
    /// Returns how many bytes of an entry are wanted; `None` skips it.
    fn wants(&mut self, name: &[u8]) -> Option<usize>;

    /// Receives the start of an entry, and whether it is complete.
    fn take(&mut self, name: &[u8], content: Result<(Vec<u8>, bool), Unreadable>);
}

/// Reads an archive up to its last entry.
///
/// # Errors
/// Reading from `from` fails. A damaged archive gives `Ok(Err(…))`.
pub(crate) fn read(
    from: impl Read,
    visitor: &mut dyn Visitor,
) -> io::Result<Result<(), Unreadable>> {
    let mut from = Counted { from: BufReader::with_capacity(1 << 16, from), read: 0 };
    if !first(&mut from)? {
        return Ok(Err(Unreadable::NoArchive));
    }
    let mut unpacked = 0;
    loop {
        let mut header = [0; LOCAL_LENGTH - LOCAL.len()];
        if !whole(&mut from, &mut header)? {
            return Ok(Err(Unreadable::Damaged));
        }
        match entry(&mut from, &header, &mut unpacked, visitor)? {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(())),
            Err(why) => return Ok(Err(why)),
        }
    }
}

/// Skips to just after the signature of the first entry.
fn first(from: &mut Counted<impl BufRead>) -> io::Result<bool> {
    let mut last = [0; LOCAL.len()];
    for _ in 0..MAX_BEFORE {
        let mut byte = [0];
        if from.read(&mut byte)? == 0 {
            return Ok(false);
        }
        last.rotate_left(1);
        last[3] = byte[0];
        if last == LOCAL {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads an entry and the signature of the next; `false` after the last one.
fn entry(
    from: &mut Counted<impl BufRead>,
    header: &[u8],
    unpacked: &mut u64,
    visitor: &mut dyn Visitor,
) -> io::Result<Result<bool, Unreadable>> {
    // `header` does not include the signature.
    let field = |at: usize, length| number(header, at - LOCAL.len(), length).unwrap_or(0);
    let (flags, method) = (field(6, 2), field(8, 2));
    let mut name = vec![0; field(26, 2) as usize];
    let mut extra = vec![0; field(28, 2) as usize];
    if !whole(from, &mut name)? || !whole(from, &mut extra)? {
        return Ok(Err(Unreadable::Damaged));
    }
    let wanted = visitor.wants(&name);
    let is_behind = flags & BEHIND != 0;
    let is_wide = large(&extra).is_some();
    let mut packed = field(18, 4);
    if packed == 0xFFFF_FFFF {
        let wide = large(&extra).and_then(|wide| number(wide, 8, 8));
        let Some(wide) = wide else { return Ok(Err(Unreadable::Damaged)) };
        packed = wide;
    }
    if flags & ENCRYPTED != 0
        || !matches!(method, STORED | DEFLATED)
        || is_behind && method == STORED
    {
        let why = match flags & ENCRYPTED {
            0 => Unreadable::Compression,
            _ => Unreadable::Encrypted,
        };
        if wanted.is_some() {
            visitor.take(&name, Err(why));
        }
        // Its end is unknown.
        if is_behind {
            return Ok(Err(why));
        }
        skip(from, packed)?;
        return next(from);
    }
    if !is_behind {
        let mut content = (&mut *from).take(packed);
        if let Some(most) = wanted {
            let taken = match method {
                STORED => Ok(some(&mut content, most)?),
                _ => some(&mut DeflateDecoder::new(&mut content), most)
                    .map_err(|_| Unreadable::Damaged),
            };
            visitor.take(&name, taken);
        }
        let left = content.limit();
        if !skip(from, left)? {
            return Ok(Err(Unreadable::Damaged));
        }
        return next(from);
    }
    let mut inflated = DeflateDecoder::new(&mut *from);
    if let Some(most) = wanted {
        visitor.take(&name, some(&mut inflated, most).map_err(|_| Unreadable::Damaged));
    }
    // Read the rest to find the end of the content.
    let mut buffer = [0; 1 << 13];
    loop {
        match inflated.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return Ok(Err(Unreadable::Damaged)),
        }
        let most = FREE.saturating_add(inflated.get_ref().read.saturating_mul(RATIO));
        if unpacked.saturating_add(inflated.total_out()) > most {
            return Ok(Err(Unreadable::TooLarge));
        }
    }
    *unpacked += inflated.total_out();
    behind(from, is_wide)
}

/// Skips the sizes after a content and the signature of the next entry. The sizes may have their
/// own signature, and 4 or 8 bytes each.
fn behind(from: &mut Counted<impl BufRead>, is_wide: bool) -> io::Result<Result<bool, Unreadable>> {
    const MARK: &[u8] = b"PK\x07\x08";
    let mut word = [0; 4];
    if !whole(from, &mut word)? {
        return Ok(Err(Unreadable::Damaged));
    }
    let mut left = if is_wide { 16 } else { 8 };
    if word == MARK {
        left += 4;
    }
    if !skip(from, left)? {
        return Ok(Err(Unreadable::Damaged));
    }
    next(from)
}

/// Reads a signature. Returns whether another entry follows instead of the directory.
fn next(from: &mut Counted<impl BufRead>) -> io::Result<Result<bool, Unreadable>> {
    let mut mark = [0; LOCAL.len()];
    Ok(match whole(from, &mut mark)? && mark.starts_with(b"PK") {
        true => Ok(mark == LOCAL),
        false => Err(Unreadable::Damaged),
    })
}

/// Reads at most `most` bytes. Returns whether that is all.
fn some(from: &mut dyn Read, most: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut out = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut out)?;
    let is_all = out.len() <= most;
    out.truncate(most);
    Ok((out, is_all))
}

/// Fills a buffer; `false` if the stream ends early.
fn whole(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn skip(from: &mut impl Read, count: u64) -> io::Result<bool> {
    Ok(io::copy(&mut from.take(count), &mut io::sink())? == count)
}

/// Counts the bytes read.
struct Counted<R> {
    from: R,
    read: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.from.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.read += count as u64;
        self.from.consume(count);
    }
}
