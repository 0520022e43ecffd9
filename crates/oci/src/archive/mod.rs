//! A streaming reader of tar archives that uses bounded memory.
//!
//! It accepts what Go's `archive/tar` accepts, because container runtimes unpack layers with it:
//! the old format, `ustar`, GNU, `star`, `pax` extended headers and sparse files. Global extended
//! headers are checked but ignored, as in containerd. An archive ends after two zero blocks, or
//! where its bytes end between entries.
//!
//! The `tar` crate reads long names and extended headers into memory without a limit, and uses the
//! first record of a key where others use the last. The tests compare both readers.

use std::io::{self, BufRead, Read};
use std::mem;

mod header;
mod pax;
mod sparse;

use header::{BLOCK, Block, Header, text, wrong};
use pax::Records;
use sparse::Map;

/// The largest long name or extended header, in bytes. Go's reader has the same limit.
const MAX_SPECIAL: u64 = 1 << 20;

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Folder,
    File,
    Link,
    HardLink,
    /// A device, a pipe or an unknown type.
    Other,
}

/// An entry without its content.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: Vec<u8>,
    /// The target of a link.
    pub(crate) target: Vec<u8>,
    pub(crate) mode: u16,
    pub(crate) kind: EntryKind,
    /// The size of the content in bytes, including the holes of a sparse file.
    pub(crate) size: u64,
}

/// The bytes of an archive.
pub(crate) trait Source: Read {
    /// Skips `count` bytes.
    ///
    /// # Errors
    /// Fewer bytes are left.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

/// A stream that cannot seek; skipped bytes are read and discarded.
pub(crate) struct Stream<R>(pub(crate) R);

impl<R: BufRead> Read for Stream<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: BufRead> Source for Stream<R> {
    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let there = match self.0.fill_buf() {
                Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => bytes.len(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let most = usize::try_from(count).unwrap_or(usize::MAX).min(there);
            self.0.consume(most);
            count -= most as u64;
        }
        Ok(())
    }
}

/// A tar archive.
pub(crate) struct Archive<S> {
    from: S,
    /// The number of bytes read.
    position: u64,
    /// Bytes of the current content and of its padding that are not read yet.
    left: u64,
    padding: u64,
    /// The map of the current sparse content, the offset in it and the part that was used last.
    sparse: Option<(Map, u64, usize)>,
}

impl<S: Source> Archive<S> {
    pub(crate) fn new(from: S) -> Self {
        Self { from, position: 0, left: 0, padding: 0, sparse: None }
    }

    /// Returns the next entry and skips the rest of the previous one's content.
    ///
    /// # Errors
    /// The archive is malformed, or a header is too large.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut records = Records::default();
        let (mut long_path, mut long_target) = (Vec::new(), Vec::new());
        loop {
            if !self.end()? {
                return Ok(None);
            }
            let Some(block) = self.header()? else { return Ok(None) };
            let header = Header::read(&block)?;
            self.begin(if header.is_alone() { 0 } else { header.size });
            match header.kind {
                b'x' => records = Records::read(&self.special()?)?,
                b'g' => {
                    Records::read(&self.special()?)?;
                    // Go's reader returns it as an entry and drops the records before it.
                    records = Records::default();
                    long_path.clear();
                    long_target.clear();
                }
                b'L' => long_path = text(&self.special()?).to_vec(),
                b'K' => long_target = text(&self.special()?).to_vec(),
                _ => {
                    let long = (long_path, long_target);
                    return self.entry(&block, header, records, long).map(Some);
                }
            }
        }
    }

    /// Combines a header with its extended headers.
    fn entry(
        &mut self,
        block: &Block,
        header: Header,
        records: Records,
        long: (Vec<u8>, Vec<u8>),
    ) -> io::Result<Entry> {
        let is_alone = header.is_alone();
        let stored = records.size.unwrap_or(header.size);
        self.begin(if is_alone { 0 } else { stored });
        let either = |long: Vec<u8>, record: Option<Vec<u8>>, plain| match (&*long, record) {
            (b"", None) => plain,
            (b"", Some(record)) => record,
            _ => long,
        };
        let mut path = either(long.0, records.path, header.path);
        let target = either(long.1, records.target, header.target);
        let kind = match header.kind {
            // The old format marks directories only by a trailing slash.
            0 if path.ends_with(b"/") => EntryKind::Folder,
            0 | b'0' | b'7' | b'S' => EntryKind::File,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::Link,
            b'5' => EntryKind::Folder,
            _ => EntryKind::Other,
        };
        let map = if header.kind == b'S' {
            let (size, position, from) = (header.sparse_size, &mut self.position, &mut self.from);
            Some(sparse::old(block, size, stored, || read_block(from, position))?)
        } else {
            let (position, from) = (&mut self.position, &mut self.from);
            // The map takes whole blocks of the content.
            let mut blocks = stored / BLOCK as u64;
            let more = || {
                blocks =
                    blocks.checked_sub(1).ok_or_else(|| wrong("a sparse file without its map"))?;
                read_block(from, position)
            };
            let found = sparse::of_records(&records.sparse, stored, stored, more)?;
            found.map(|(map, taken)| {
                self.left -= taken;
                map
            })
        };
        if map.is_some() && is_alone {
            return Err(wrong("a sparse file that has no content"));
        }
        if map.is_some() && !records.sparse.name.is_empty() {
            path = records.sparse.name;
        }
        let size = map.as_ref().map_or(self.left, |map| map.size);
        self.sparse = map.map(|map| (map, 0, 0));
        Ok(Entry { path, target, mode: header.mode, kind, size })
    }

    /// Returns the offset of the current content, or `None` if the content is sparse.
    pub(crate) fn place(&self) -> Option<u64> {
        self.sparse.is_none().then_some(self.position)
    }

    /// Returns the content of the entry that [`Archive::next`] returned last.
    pub(crate) fn content(&mut self) -> Content<'_, S> {
        Content { archive: self }
    }

    fn begin(&mut self, size: u64) {
        self.sparse = None;
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// Skips the rest of a content. Returns whether more may follow: some programs leave out the
    /// padding of the last block.
    fn end(&mut self) -> io::Result<bool> {
        let left = mem::take(&mut self.left);
        self.from.skip(left)?;
        self.position += left;
        let padding = mem::take(&mut self.padding) as usize;
        let mut block = [0; BLOCK];
        Ok(self.fill(&mut block[..padding])? == padding)
    }

    /// Reads a header block; `None` at the end.
    fn header(&mut self) -> io::Result<Option<Block>> {
        let mut block = [0; BLOCK];
        for is_second in [false, true] {
            match self.fill(&mut block)? {
                0 => return Ok(None),
                BLOCK => {}
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            let is_zero = block.iter().all(|byte| *byte == 0);
            match (is_zero, is_second) {
                (true, true) => return Ok(None),
                (true, false) => {}
                (false, true) => return Err(wrong("one block of zeros between entries")),
                (false, false) => return Ok(Some(block)),
            }
        }
        Ok(None)
    }

    /// Reads until the buffer is full or the input ends.
    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.from.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }

    /// Reads a long name or an extended header.
    fn special(&mut self) -> io::Result<Vec<u8>> {
        if self.left > MAX_SPECIAL {
            return Err(wrong("an extended header or a long name of more than 1 MiB"));
        }
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn read_block(from: &mut impl Read, position: &mut u64) -> io::Result<Block> {
    let mut block = [0; BLOCK];
    from.read_exact(&mut block)?;
    *position += block.len() as u64;
    Ok(block)
}

/// The content of an entry; the holes of a sparse file read as zeros.
pub(crate) struct Content<'a, S> {
    archive: &'a mut Archive<S>,
}

impl<S: Source> Content<'_, S> {
    fn stored(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Archive { from, left, position, .. } = &mut *self.archive;
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(into.len());
        let count = from.read(&mut into[..most])?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= count as u64;
        *position += count as u64;
        Ok(count)
    }
}

impl<S: Source> Read for Content<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some((map, at, part)) = &mut self.archive.sparse else { return self.stored(into) };
        let (is_hole, length) = map.at(*at, part);
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(into.len());
        let count = if is_hole {
            into[..most].fill(0);
            most
        } else {
            self.stored(&mut into[..most])?
        };
        if let Some((_, at, _)) = &mut self.archive.sparse {
            *at += count as u64;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
