//! A sliding window over a stream.

use std::io::{self, Read};

pub(super) struct Stream<'r> {
    from: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// The number of bytes before the window.
    offset: u64,
    is_at_end: bool,
}

impl<'r> Stream<'r> {
    pub(super) fn new(from: &'r mut dyn Read) -> Self {
        Self { from, buffer: Vec::new(), offset: 0, is_at_end: false }
    }

    /// Returns the window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns the offset of the window in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Extends the window to at least `length` bytes. Returns `length`, or fewer if the stream
    /// ends.
    pub(super) fn fill(&mut self, length: usize) -> io::Result<usize> {
        if self.buffer.len() < length && !self.is_at_end {
            let missing = (length - self.buffer.len()) as u64;
            let read = (&mut *self.from).take(missing).read_to_end(&mut self.buffer)?;
            self.is_at_end = (read as u64) < missing;
        }
        Ok(length.min(self.buffer.len()))
    }

    /// Advances the window.
    pub(super) fn drop_first(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count);
        self.offset += count as u64;
    }
}
