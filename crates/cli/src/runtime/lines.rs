//! Lines of logs, plain or compressed.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::opened;

/// The longest line: an audit event is at most twice the largest object, 3 MiB each.
const MAX_LINE: u64 = 16 << 20;

/// A line of a log.
pub(super) enum Line<'l> {
    /// Its place and its text.
    Text(String, &'l str),
    /// Why it could not be read, with its place.
    Unread(String),
}

/// Passes each line of a log that is not empty to `take`, or that there are none.
///
/// # Errors
/// The log cannot be read, or `take` fails.
pub(super) fn each(log: &Path, take: &mut dyn FnMut(Line<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut reader = uncompressed(BufReader::new(opened(log)?))?;
    let (mut bytes, mut empty) = (Vec::new(), true);
    for number in 1_u64.. {
        bytes.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        let place = format!("{}:{number}", log.display());
        if length as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
            take(Line::Unread(format!("{place}: a line longer than {} MiB", MAX_LINE >> 20)))?;
            skip_line(&mut reader)?;
        } else if bytes.trim_ascii().is_empty() {
            continue;
        } else if let Ok(line) = std::str::from_utf8(&bytes) {
            take(Line::Text(place, line))?;
        } else {
            take(Line::Unread(format!("{place}: not UTF-8")))?;
        }
        empty = false;
    }
    match empty {
        true => take(Line::Unread(format!("{}: no events", log.display()))),
        false => Ok(()),
    }
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Decompresses gzip and Zstandard, detected by their first bytes.
pub(crate) fn uncompressed(mut reader: BufReader<Box<dyn Read>>) -> io::Result<Box<dyn BufRead>> {
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    })
}
