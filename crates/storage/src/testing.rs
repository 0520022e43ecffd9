//! Writes databases for tests and measurements, in the layout of bbolt.
//!
//! Not meant for anything else: it writes a new file in one pass, with sorted keys.

use std::io::{self, Seek, SeekFrom, Write};

const PAGE: usize = 4096;

/// A database that is being written. Keys of the bucket `key` come in ascending order.
pub struct Database<W> {
    out: W,
    next: u64,
    leaf: Vec<(Vec<u8>, Vec<u8>)>,
    size: usize,
    leaves: Vec<(Vec<u8>, u64)>,
}

/// The key of a revision.
#[must_use]
pub fn revision(main: u64, tombstone: bool) -> Vec<u8> {
    let mut key = main.to_be_bytes().to_vec();
    key.push(b'_');
    key.extend(0u64.to_be_bytes());
    if tombstone {
        key.push(b't');
    }
    key
}

/// A stored key and value.
#[must_use]
pub fn key_value(key: &str, value: &[u8], main: u64) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, key.as_bytes());
    for (field, number) in [(2u64, main), (3, main), (4, 1)] {
        varint(&mut out, field << 3);
        varint(&mut out, number);
    }
    bytes(&mut out, 5, value);
    out
}

/// A field of a message with bytes.
pub fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

impl<W: Write + Seek> Database<W> {
    /// Starts a database.
    ///
    /// # Errors
    /// Writing fails.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[0; 3 * PAGE])?;
        Ok(Self { out, next: 3, leaf: Vec::new(), size: 16, leaves: Vec::new() })
    }

    /// Writes a key of the bucket `key`.
    ///
    /// # Errors
    /// Writing fails.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> io::Result<()> {
        let size = 16 + key.len() + value.len();
        if !self.leaf.is_empty() && self.size + size > PAGE {
            self.flush()?;
        }
        self.size += size;
        self.leaf.push((key, value));
        Ok(())
    }

    /// Writes a page to which nothing refers, as an overwritten one.
    ///
    /// # Errors
    /// Writing fails.
    pub fn free(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let leaf = [(key.to_vec(), value.to_vec())];
        self.page(2, &leaf.map(|(key, value)| (0, key, value))).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        let leaf = std::mem::take(&mut self.leaf);
        self.size = 16;
        let Some((first, _)) = leaf.first().cloned() else { return Ok(()) };
        let elements: Vec<_> = leaf.into_iter().map(|(key, value)| (0, key, value)).collect();
        let page = self.page(2, &elements)?;
        self.leaves.push((first, page));
        Ok(())
    }

    /// Writes a leaf page (flags, key, value), and returns its number.
    fn page(&mut self, kind: u16, elements: &[(u32, Vec<u8>, Vec<u8>)]) -> io::Result<u64> {
        let mut body = Vec::new();
        let mut data: Vec<u8> = Vec::new();
        let heads = elements.len() * 16;
        for (index, (flags, key, value)) in elements.iter().enumerate() {
            let place = heads + data.len() - index * 16;
            for number in [*flags, place as u32, key.len() as u32, value.len() as u32] {
                body.extend(number.to_le_bytes());
            }
            data.extend(key);
            data.extend(value);
        }
        body.extend(data);
        self.raw(kind, elements.len() as u16, &body)
    }

    fn branch(&mut self, children: &[(Vec<u8>, u64)]) -> io::Result<u64> {
        let (mut body, mut data): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let heads = children.len() * 16;
        for (index, (key, page)) in children.iter().enumerate() {
            body.extend(((heads + data.len() - index * 16) as u32).to_le_bytes());
            body.extend((key.len() as u32).to_le_bytes());
            body.extend(page.to_le_bytes());
            data.extend(key);
        }
        body.extend(data);
        self.raw(1, children.len() as u16, &body)
    }

    fn raw(&mut self, kind: u16, count: u16, body: &[u8]) -> io::Result<u64> {
        let page = self.next;
        let pages = (16 + body.len()).div_ceil(PAGE);
        let mut bytes = page.to_le_bytes().to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend((pages as u32 - 1).to_le_bytes());
        bytes.extend(body);
        bytes.resize(pages * PAGE, 0);
        self.out.write_all(&bytes)?;
        self.next += pages as u64;
        Ok(page)
    }

    /// Ends the database, compacted up to a revision.
    ///
    /// # Errors
    /// Writing fails.
    pub fn finish(mut self, compacted: u64) -> io::Result<W> {
        self.flush()?;
        let mut level = std::mem::take(&mut self.leaves);
        if level.is_empty() {
            let page = self.page(2, &[])?;
            level.push((Vec::new(), page));
        }
        while level.len() > 1 {
            let mut above = Vec::new();
            for children in level.chunks(100) {
                let page = self.branch(children)?;
                above.extend(children.first().map(|(key, _)| (key.clone(), page)));
            }
            level = above;
        }
        let top = level.first().map_or(0, |(_, page)| *page);
        let bucket = |page: u64| {
            let mut value = page.to_le_bytes().to_vec();
            value.extend([0; 8]);
            value
        };
        // The bucket `meta` is inline.
        let mut inline = bucket(0);
        let key = b"finishedCompactRev".to_vec();
        let mut number = compacted.to_be_bytes().to_vec();
        number.extend(*b"_\0\0\0\0\0\0\0\0");
        inline.extend([0; 8]);
        inline.extend(2u16.to_le_bytes());
        inline.extend(1u16.to_le_bytes());
        inline.extend([0; 4]);
        for part in [0, 16, key.len() as u32, number.len() as u32] {
            inline.extend(part.to_le_bytes());
        }
        inline.extend(key);
        inline.extend(number);
        let root =
            self.page(2, &[(1, b"key".to_vec(), bucket(top)), (1, b"meta".to_vec(), inline)])?;
        let pages = self.next;
        for page in 0..2u64 {
            self.out.seek(SeekFrom::Start(page * PAGE as u64))?;
            self.out.write_all(&meta(page, root, pages))?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A meta page.
fn meta(page: u64, root: u64, pages: u64) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [0xED0C_DAEDu32, 2, PAGE as u32, 0] {
        body.extend(number.to_le_bytes());
    }
    for number in [root, 0, 2, pages, 7 + page] {
        body.extend(number.to_le_bytes());
    }
    let sum = body.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    body.extend(sum.to_le_bytes());
    let mut bytes = page.to_le_bytes().to_vec();
    bytes.extend(4u16.to_le_bytes());
    bytes.extend([0; 6]);
    bytes.extend(body);
    bytes.resize(PAGE, 0);
    bytes
}
