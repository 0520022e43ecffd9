//! A window that moves over a stream.

use std::io::{self, Read};

pub(super) struct Stream<'r> {
    from: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// Bytes before the window.
    offset: u64,
    is_at_end: bool,
}

impl<'r> Stream<'r> {
    pub(super) fn new(from: &'r mut dyn Read) -> Self {
        Self { from, buffer: Vec::new(), offset: 0, is_at_end: false }
    }

    /// The window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Where the window begins in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes the window at least so long, where the stream is; the lesser of this and what there
    /// is comes back.
    pub(super) fn fill(&mut self, length: usize) -> io::Result<usize> {
        if self.buffer.len() < length && !self.is_at_end {
            let missing = (length - self.buffer.len()) as u64;
            let read = (&mut *self.from).take(missing).read_to_end(&mut self.buffer)?;
            self.is_at_end = (read as u64) < missing;
        }
        Ok(length.min(self.buffer.len()))
    }

    /// Moves the window on.
    pub(super) fn drop_first(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count);
        self.offset += count as u64;
    }
}
