//! Lines of logs, plain or compressed.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::alerts::Counts;
use super::opened;

/// The longest line: an audit event is at most twice the largest object, 3 MiB each.
const MAX_LINE: u64 = 16 << 20;

/// Hands each line of a log over, with its place; empty lines are left out.
///
/// # Errors
/// The log cannot be read, or `take` fails.
pub(super) fn each(
    log: &Path,
    counts: &mut Counts,
    take: &mut dyn FnMut(&mut Counts, String, &str) -> io::Result<()>,
) -> io::Result<()> {
    let before = counts.mark();
    let mut reader = uncompressed(BufReader::new(opened(log)?))?;
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        let place = || format!("{}:{number}", log.display());
        if length as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
            counts.unread(&format!("{}: a line longer than {} MiB", place(), MAX_LINE >> 20));
            skip_line(&mut reader)?;
            continue;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match std::str::from_utf8(&bytes) {
            Ok(line) => take(counts, place(), line)?,
            Err(_) => counts.unread(&format!("{}: not UTF-8", place())),
        }
    }
    if before == counts.mark() {
        counts.unread(&format!("{}: no events", log.display()));
    }
    Ok(())
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

/// Takes gzip and Zstandard away, by their first bytes.
fn uncompressed(mut reader: BufReader<Box<dyn Read>>) -> io::Result<Box<dyn BufRead>> {
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    })
}
