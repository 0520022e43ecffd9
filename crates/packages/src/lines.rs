//! Reads text line by line as a stream, so that large databases need little memory.

use std::borrow::Cow;
use std::io::{self, BufRead as _, BufReader, Read};

/// The bytes kept of a line; relevant fields have a few hundred.
const MAX_LINE: usize = 64 << 10;

/// Reads lines. Invalid UTF-8 is replaced: names and versions are ASCII.
pub(crate) struct Lines<'a> {
    from: BufReader<&'a mut dyn Read>,
    line: Vec<u8>,
    /// The number of the last line read, from 1.
    pub(crate) number: u32,
    /// The first line that was truncated.
    pub(crate) cut: Option<u32>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(from: &'a mut dyn Read) -> Self {
        let from = BufReader::with_capacity(MAX_LINE, from);
        Self { from, line: Vec::new(), number: 0, cut: None }
    }

    /// Returns the next line without its line break.
    pub(crate) fn next(&mut self) -> io::Result<Option<Cow<'_, str>>> {
        self.line.clear();
        let mut is_there = false;
        loop {
            let bytes = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                break;
            }
            if !is_there {
                is_there = true;
                self.number = self.number.saturating_add(1);
            }
            let end = memchr::memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = MAX_LINE - self.line.len();
            if part.len() > room {
                self.cut.get_or_insert(self.number);
            }
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let read = end.map_or(bytes.len(), |end| end + 1);
            self.from.consume(read);
            if end.is_some() {
                break;
            }
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(is_there.then(|| String::from_utf8_lossy(&self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_text() {
        let long = "x".repeat(3 * MAX_LINE);
        let all = |text: &str| {
            let (mut from, mut found) = (text.as_bytes(), Vec::new());
            let mut lines = Lines::new(&mut from);
            while let Some(line) = lines.next().unwrap() {
                let line = line.into_owned();
                found.push((lines.number, line));
            }
            (found, lines.cut)
        };
        for text in ["", "a", "a\n", "a\n\nb", "\r\na\r\n", "\n\n"] {
            let (found, cut) = all(text);
            let wanted: Vec<_> = (1..).zip(text.lines().map(str::to_owned)).collect();
            assert_eq!((found, cut), (wanted, None), "{text:?}");
        }
        let (found, cut) = all(&format!("a\n{long}\nb\n"));
        assert_eq!((found.len(), found[1].1.len(), cut), (3, MAX_LINE, Some(2)));
        assert_eq!(found[2], (3, "b".to_owned()));
    }
}
