//! A tar header: one block of 512 bytes, its format, numbers and strings.

use std::io;
use std::ops::Range;

/// The block size; everything in an archive is a multiple of it.
pub(crate) const BLOCK: usize = 512;

/// One block of an archive.
pub(crate) type Block = [u8; BLOCK];

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const OWNER: Range<usize> = 108..116;
const GROUP: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const TIME: Range<usize> = 136..148;
const SUM: Range<usize> = 148..156;
const KIND: usize = 156;
const TARGET: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..263;
const VERSION: Range<usize> = 263..265;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_TRAILER: Range<usize> = 508..512;
const GNU_ACCESS: Range<usize> = 345..357;
const GNU_CHANGE: Range<usize> = 357..369;
/// The first part of a sparse file's map, with the flag that says whether another block follows.
pub(super) const GNU_SPARSE: Range<usize> = 386..483;
const GNU_REAL_SIZE: Range<usize> = 483..495;

/// The tar format of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Old,
    /// POSIX `ustar`, and `pax`, which builds on it.
    Posix,
    Star,
    Gnu,
}

/// The fields of a header block, before extended headers override them.
#[derive(Debug)]
pub(crate) struct Header {
    pub(super) path: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) mode: u16,
    pub(super) kind: u8,
    pub(super) size: u64,
    /// The size including holes, for a sparse file in the old GNU format.
    pub(super) sparse_size: Option<i64>,
}

impl Header {
    /// Reads a block like Go's `archive/tar`, which container runtimes use.
    ///
    /// # Errors
    /// The checksum is wrong, or a numeric field is not a number.
    pub(super) fn read(block: &Block) -> io::Result<Self> {
        let form = form(block).ok_or_else(|| wrong("a header whose checksum is wrong"))?;
        let value = |field: &Range<usize>| {
            number(&block[field.clone()])
                .ok_or_else(|| wrong("a header with a field that is not a number"))
        };
        for field in [&OWNER, &GROUP, &TIME] {
            value(field)?;
        }
        if form != Form::Old {
            value(&MAJOR)?;
            value(&MINOR)?;
        }
        let size = u64::try_from(value(&SIZE)?).map_err(|_| wrong("an entry of negative size"))?;
        let prefix = match form {
            Form::Old => &[][..],
            Form::Posix => text(&block[PREFIX]),
            Form::Star => {
                // The times follow the prefix.
                value(&(476..488))?;
                value(&(488..500))?;
                text(&block[STAR_PREFIX])
            }
            Form::Gnu => gnu_prefix(block),
        };
        let name = text(&block[NAME]);
        let path = match prefix {
            b"" => name.to_vec(),
            _ => [prefix, b"/", name].concat(),
        };
        Ok(Self {
            path,
            target: text(&block[TARGET]).to_vec(),
            mode: (value(&MODE)? & 0o7777) as u16,
            kind: block[KIND],
            size,
            sparse_size: match form {
                Form::Gnu => number(&block[GNU_REAL_SIZE]),
                _ => None,
            },
        })
    }

    /// Returns whether the entry has no content, whatever size the header gives.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self.kind, b'1'..=b'6')
    }
}

/// Returns the path prefix that Go before version 1.8 wrote into GNU headers. It is only a prefix
/// if the time fields at the same place are not numbers.
fn gnu_prefix(block: &Block) -> &[u8] {
    let is_time = |field: Range<usize>| block[field.start] == 0 || number(&block[field]).is_some();
    let prefix = text(&block[PREFIX]);
    if is_time(GNU_ACCESS) && is_time(GNU_CHANGE) || !prefix.is_ascii() { &[] } else { prefix }
}

/// Returns the format, or `None` if the checksum is wrong.
fn form(block: &Block) -> Option<Form> {
    let given = octal(&block[SUM])?;
    // Some old programs summed signed bytes.
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (byte, at) in block.iter().zip(0..) {
        let byte = if SUM.contains(&at) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    if given != unsigned && given != signed {
        return None;
    }
    Some(match (&block[MAGIC], &block[VERSION]) {
        (b"ustar\0", _) if &block[STAR_TRAILER] == b"tar\0" => Form::Star,
        (b"ustar\0", _) => Form::Posix,
        (b"ustar ", b" \0") => Form::Gnu,
        _ => Form::Old,
    })
}

/// Reads a number: octal digits, or big-endian two's complement if the first bit is set.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let Some(first) = field.first().filter(|first| **first & 0x80 != 0) else {
        return octal(field);
    };
    // -a-1 == !a
    let inverted = if first & 0x40 != 0 { 0xFF } else { 0 };
    let mut value = 0_u64;
    for (byte, at) in field.iter().zip(0..) {
        let byte = byte ^ inverted;
        let byte = if at == 0 { byte & 0x7F } else { byte };
        if value >> 56 > 0 {
            return None;
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i64::try_from(value).ok()?;
    Some(if inverted == 0 { value } else { !value })
}

/// Reads octal digits between blanks and NULs; 0 if there are none.
fn octal(field: &[u8]) -> Option<i64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    let digits = text(&field[start..end]);
    digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Returns the bytes before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

pub(super) fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        for (field, expect) in [
            (&b""[..], Some(0)),
            (b" \x000000\x00", Some(0)),
            (b"00000000227\0", Some(0o227)),
            (b"032033\0 ", Some(0o32033)),
            (b"+0000003", None),
            (b"0123456789\0abcdef", None),
            (b"0123\0xyz", Some(0o123)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x10\0", Some(4096)),
            (b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Some(-1)),
            (b"\xC0", Some(-64)),
            (b"\x80\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Some(i64::MAX)),
            (b"\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", None),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), expect, "{}", field.escape_ascii());
        }
    }
}
