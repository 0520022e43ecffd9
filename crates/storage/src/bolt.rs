//! A read-only reader of bbolt databases (`go.etcd.io/bbolt`), the file format of etcd.
//!
//! A database is a file of pages. Two meta pages contain the root of a B+ tree, protected by an
//! FNV-1a checksum; the valid one with the higher transaction number applies. No other page has a
//! checksum. Therefore each page is checked for its own number, its type, the bounds of its elements,
//! and the range of keys that its parent gives it. A page that fails is recorded as damage and left
//! out. Each page is visited at most once, so cycles end.
//!
//! The freelist is not read: pages that are not reachable are the free ones.

use std::fmt;

use crate::bytes::{ReadAt, le16, le32, le64};
use crate::page::{self, Root};

/// The magic number of a meta page.
const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const HEADER: usize = 16;
const META: usize = 64;
/// The number of bytes of a meta page before its checksum.
const SUMMED: usize = 56;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const IS_META: u16 = 0x04;
/// The maximum depth of a tree. Real ones have 3 to 5 levels.
const MAX_DEPTH: usize = 48;
/// The largest page with its overflow pages in bytes. etcd's requests are below 1.5 MiB by default.
const MAX_PAGE: usize = 128 << 20;
/// The largest number of buckets. etcd has about ten.
const MAX_BUCKETS: usize = 4096;
/// The largest number of damaged places that are listed.
const MAX_DAMAGE: usize = 50;

/// A reason why a file is not a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBolt(pub String);

impl fmt::Display for NotBolt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotBolt {}

/// A part of a database that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The number of the page.
    pub page: u64,
    /// What is wrong with it.
    pub why: String,
}

/// All damage of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damages {
    /// The first ones.
    pub listed: Vec<Damage>,
    /// The number of all.
    pub count: u64,
}

impl Damages {
    pub(crate) fn add(&mut self, page: u64, why: impl Into<String>) {
        self.count += 1;
        if self.listed.len() < MAX_DAMAGE {
            self.listed.push(Damage { page, why: why.into() });
        }
    }
}

/// The content of a meta page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The size of a page in bytes.
    pub page_size: u32,
    /// The page of the root bucket.
    root: u64,
    /// The number of pages in use or free.
    pub pages: u64,
    /// The number of the transaction.
    pub transaction: u64,
}

/// An open database.
pub struct Bolt<'a> {
    from: &'a dyn ReadAt,
    meta: Meta,
    /// Notes on its meta pages.
    pub notes: Vec<String>,
    /// The pages in the file.
    pages: u64,
    visited: Vec<u64>,
    /// What could not be read so far.
    pub damages: Damages,
}

/// Where a leaf page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    /// Inside the value of a bucket.
    Inline,
    /// It is the root of a bucket, and may be empty.
    Root,
    /// A branch page refers to it.
    Inner,
    /// Nothing refers to it, and pages after its first one may be used again.
    Free,
}

/// A level of the walk: children that were not visited yet, the last one first to visit.
struct Level {
    page: u64,
    /// The first key of each child, and its page.
    children: Vec<(Vec<u8>, u64)>,
    /// The keys of the next child are below this one.
    end: Option<Vec<u8>>,
}

/// Receives the key and value of an element, and whether it is a bucket.
type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8], bool);
/// The keys that a page may have: from the first one to before the second.
type Keys<'a> = (&'a [u8], Option<&'a [u8]>);

/// Returns the content of the valid meta page with the highest transaction, and notes.
///
/// # Errors
/// No meta page is valid.
pub fn meta(from: &dyn ReadAt) -> Result<(Meta, Vec<String>), NotBolt> {
    let at = |offset: u64| {
        let mut bytes = [0; HEADER + META];
        from.read_exact_at(&mut bytes, offset).ok()?;
        Some(read_meta(&bytes))
    };
    let first = at(0);
    // The second page begins after the first; its size is in the first. If that one is damaged, all
    // sizes are tried.
    let sizes: Vec<u64> = match &first {
        Some(Ok(meta)) => vec![u64::from(meta.page_size)],
        _ => (0..15).map(|power| 1024 << power).collect(),
    };
    let second = sizes.iter().filter_map(|size| Some((*size, at(*size)?)));
    let second = second.map(|(size, read)| {
        read.and_then(|meta| match u64::from(meta.page_size) == size {
            true => Ok(meta),
            false => Err("another page size".to_owned()),
        })
    });
    let mut second: Vec<_> = second.collect();
    second.sort_by_key(Result::is_err);
    let second = second.into_iter().next();
    let mut notes = Vec::new();
    match (first, second) {
        (Some(Ok(a)), Some(Ok(b))) => {
            Ok((if a.transaction >= b.transaction { a } else { b }, notes))
        }
        (Some(Ok(meta)), other) => {
            let why = other.and_then(Result::err).unwrap_or_else(|| "it is missing".to_owned());
            notes.push(format!("meta page 1 is not valid: {why}; page 0 was used"));
            Ok((meta, notes))
        }
        (first, Some(Ok(meta))) => {
            let why = first.and_then(Result::err).unwrap_or_else(|| "it is missing".to_owned());
            notes.push(format!("meta page 0 is not valid: {why}; page 1 was used"));
            Ok((meta, notes))
        }
        (None, _) => Err(NotBolt("the file is too short to be a bbolt database".to_owned())),
        (Some(Err(why)), _) => Err(NotBolt(format!("this is not a bbolt database: {why}"))),
    }
}

fn read_meta(bytes: &[u8]) -> Result<Meta, String> {
    let flags = le16(bytes, 8).unwrap_or(0);
    let body = bytes.get(HEADER..).unwrap_or(&[]);
    let (number, version) = (le32(body, 0), le32(body, 4));
    if number != Some(MAGIC) {
        return Err("wrong magic number".to_owned());
    }
    if flags != IS_META {
        return Err("its type is not `meta`".to_owned());
    }
    if version != Some(VERSION) {
        return Err(format!("version {} is not supported", version.unwrap_or(0)));
    }
    let summed = body.get(..SUMMED).map(fnv1a);
    if summed.is_none() || summed != le64(body, SUMMED) {
        return Err("wrong checksum".to_owned());
    }
    let meta = Meta {
        page_size: le32(body, 8).unwrap_or(0),
        root: le64(body, 16).unwrap_or(0),
        pages: le64(body, 40).unwrap_or(0),
        transaction: le64(body, 48).unwrap_or(0),
    };
    if !meta.page_size.is_power_of_two() || !(1024..=1 << 24).contains(&meta.page_size) {
        return Err(format!("page size {}", meta.page_size));
    }
    Ok(meta)
}

/// FNV-1a with 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl<'a> Bolt<'a> {
    /// Opens a database.
    ///
    /// # Errors
    /// There is no valid meta page.
    pub fn open(from: &'a dyn ReadAt) -> Result<Self, NotBolt> {
        let (meta, mut notes) = meta(from)?;
        let pages = from.size() / u64::from(meta.page_size);
        let mut damages = Damages::default();
        // A transaction after that of the valid page may be lost.
        for note in &notes {
            damages.add(0, note.clone());
        }
        if meta.pages > pages {
            let missing = meta.pages - pages;
            let why = format!("the file is truncated: the last {missing} of {} pages", meta.pages);
            damages.add(pages, why.clone() + " are missing");
            notes.push(why + " are missing");
        }
        let words = usize::try_from(pages / 64 + 1).unwrap_or(usize::MAX);
        // The bitmap is bounded by the size of the file, not by numbers in it.
        Ok(Self { from, meta, notes, pages, visited: vec![0; words], damages })
    }

    /// Returns the meta page that applies.
    pub fn meta(&self) -> Meta {
        self.meta
    }

    /// Calls `each` with each key and value of a bucket, the last key first. What could not be read
    /// is added to `damages`.
    pub fn walk(&mut self, root: &Root, each: &mut dyn FnMut(&[u8], &[u8])) {
        let mut nested = 0;
        self.walk_all(root, &mut |key, value, is_bucket| match is_bucket {
            true => nested += 1,
            false => each(key, value),
        });
        // etcd has none, so these were values.
        if nested > 0 {
            self.damages.add(0, format!("{nested} values are marked as buckets"));
        }
    }

    /// Returns the buckets in the root bucket, and whether all could be read.
    pub fn buckets(&mut self) -> (Vec<(Vec<u8>, Root)>, bool) {
        let mut found = Vec::new();
        let mut wrong = Vec::new();
        let complete = self.walk_all(&Root::Page(self.meta.root), &mut |key, value, is_bucket| {
            match page::bucket(value).filter(|_| is_bucket && found.len() < MAX_BUCKETS) {
                Some(root) => found.push((key.to_vec(), root)),
                None if wrong.len() < MAX_DAMAGE => {
                    wrong.push(String::from_utf8_lossy(key.get(..64).unwrap_or(key)).into_owned());
                }
                None => {}
            }
        });
        let complete = complete && wrong.is_empty();
        for name in wrong {
            self.damages
                .add(self.meta.root, format!("the root of the bucket `{name}` is not valid"));
        }
        found.reverse();
        (found, complete)
    }

    fn walk_all(&mut self, root: &Root, each: Each<'_>) -> bool {
        let before = self.damages.count;
        let start = match root {
            Root::Inline(page) => {
                self.leaf((0, page, Leaf::Inline), (&[], None), &mut *each);
                return self.damages.count == before;
            }
            Root::Page(page) => *page,
        };
        let mut buffer = Vec::new();
        let mut levels = vec![Level { page: 0, children: vec![(Vec::new(), start)], end: None }];
        while let Some(level) = levels.last_mut() {
            let parent = level.page;
            let Some((low, page)) = level.children.pop() else {
                levels.pop();
                continue;
            };
            // Children are visited from the last: the next one ends where this one begins.
            let end = level.end.replace(low.clone());
            if let Err(why) = self.load(page, &mut buffer) {
                self.damages.add(page, format!("{why} (referred to by page {parent})"));
                continue;
            }
            let flags = le16(&buffer, 8).unwrap_or(0);
            if flags == LEAF {
                let kind = if levels.len() == 1 { Leaf::Root } else { Leaf::Inner };
                self.leaf((page, &buffer, kind), (&low, end.as_deref()), &mut *each);
            } else if flags == BRANCH {
                if levels.len() >= MAX_DEPTH {
                    self.damages.add(page, format!("the tree has more than {MAX_DEPTH} levels"));
                    continue;
                }
                let children = self.branch(&buffer, page, (&low, end.as_deref()));
                levels.push(Level { page, children, end });
            } else {
                self.damages.add(page, "its type is neither `branch` nor `leaf`");
            }
        }
        self.damages.count == before
    }

    /// Loads a page with its overflow pages.
    fn load(&mut self, page: u64, buffer: &mut Vec<u8>) -> Result<(), String> {
        if page < 2 || page >= self.pages {
            return Err(match page < self.meta.pages {
                true => "the page is missing".to_owned(),
                false => "the page does not exist".to_owned(),
            });
        }
        if !self.visit(page) {
            return Err("the page has two parents".to_owned());
        }
        let size = self.meta.page_size as usize;
        let offset = page * u64::from(self.meta.page_size);
        let failed = |error: std::io::Error| format!("reading fails: {error}");
        buffer.resize(size, 0);
        self.from.read_exact_at(buffer, offset).map_err(failed)?;
        let number = le64(buffer, 0).unwrap_or(0);
        if number != page {
            return Err(format!("it has the number {number}"));
        }
        let overflow = u64::from(le32(buffer, 12).unwrap_or(0));
        if overflow == 0 {
            return Ok(());
        }
        if overflow >= self.pages - page {
            return Err("its overflow pages are missing".to_owned());
        }
        let whole = (overflow + 1).saturating_mul(size as u64);
        let whole = usize::try_from(whole).ok().filter(|whole| *whole <= MAX_PAGE);
        let Some(whole) = whole else { return Err(format!("{overflow} overflow pages")) };
        for page in page + 1..=page + overflow {
            if !self.visit(page) {
                return Err("its overflow pages belong to two pages".to_owned());
            }
        }
        buffer.resize(whole, 0);
        self.from
            .read_exact_at(buffer.get_mut(size..).unwrap_or(&mut []), offset + size as u64)
            .map_err(failed)
    }

    /// Loads a leaf page that nothing refers to, with as many of its overflow pages as there are.
    /// Returns false if it is not a leaf page.
    fn load_free(&self, page: u64, budget: &mut u64, buffer: &mut Vec<u8>) -> bool {
        let size = self.meta.page_size as usize;
        let offset = page * u64::from(self.meta.page_size);
        buffer.resize(size, 0);
        let read = self.from.read_exact_at(buffer, offset);
        if read.is_err() || le64(buffer, 0) != Some(page) || le16(buffer, 8) != Some(LEAF) {
            return false;
        }
        let overflow = u64::from(le32(buffer, 12).unwrap_or(0)).min(self.pages - page - 1);
        let overflow = overflow.min(*budget).min((MAX_PAGE / size) as u64);
        *budget -= overflow;
        buffer.resize(size + size * usize::try_from(overflow).unwrap_or(0), 0);
        let rest = buffer.get_mut(size..).unwrap_or(&mut []);
        if self.from.read_exact_at(rest, offset + size as u64).is_err() {
            buffer.truncate(size);
        }
        true
    }

    /// Marks a page. Returns false if it was marked before.
    fn visit(&mut self, page: u64) -> bool {
        let word = usize::try_from(page / 64).ok().and_then(|at| self.visited.get_mut(at));
        let Some(word) = word else { return false };
        let bit = 1 << (page % 64);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    fn is_visited(&self, page: u64) -> bool {
        let word = usize::try_from(page / 64).ok().and_then(|at| self.visited.get(at));
        word.is_some_and(|word| word & (1 << (page % 64)) != 0)
    }

    /// Calls `each` with the elements of leaf pages that no visited page refers to: the remains of
    /// deleted and overwritten data. They are not protected by any check, so the caller must verify
    /// them.
    pub fn remains(&mut self, each: &mut dyn FnMut(&[u8], &[u8])) {
        let mut buffer = Vec::new();
        // Free pages may be anywhere, and damage in them means nothing.
        let kept = std::mem::take(&mut self.damages);
        // Pages after a head may be used again, so they are also read as heads. Without a limit, heads
        // could make the time quadratic.
        let mut budget = self.pages.saturating_mul(4);
        for page in 2..self.pages {
            if !self.is_visited(page) && self.load_free(page, &mut budget, &mut buffer) {
                let free = (page, &*buffer, Leaf::Free);
                self.leaf(free, (&[], None), &mut |key, value, is_bucket| {
                    if !is_bucket {
                        each(key, value);
                    }
                });
            }
        }
        self.damages = kept;
    }

    /// Calls `each` with the elements of a leaf page, the last first.
    fn leaf(&mut self, page: (u64, &[u8], Leaf), (low, end): Keys<'_>, each: Each<'_>) {
        let (number, bytes, kind) = page;
        let slack = match kind {
            Leaf::Inline => 0,
            Leaf::Root | Leaf::Inner => self.meta.page_size as usize,
            Leaf::Free => usize::MAX,
        };
        let (elements, why) = page::leaf(bytes, slack);
        if let Some(why) = why {
            self.damages.add(number, why);
        } else if elements.is_empty() && kind == Leaf::Inner {
            self.damages.add(number, "a leaf page without elements");
        }
        let mut after: Option<&[u8]> = end;
        for (index, element) in elements.iter().enumerate().rev() {
            let page::Element { key, value, is_bucket } = *element;
            if key < low || end.is_some_and(|end| key >= end) {
                self.damages.add(number, format!("the key of element {index} belongs elsewhere"));
                continue;
            }
            if after.is_some_and(|after| key >= after) {
                self.damages.add(number, format!("the keys are not in order at element {index}"));
                if after == Some(key) {
                    continue;
                }
            } else {
                after = Some(key);
            }
            each(key, value, is_bucket);
        }
    }

    /// Returns the children of a branch page.
    fn branch(&mut self, page: &[u8], number: u64, (low, end): Keys<'_>) -> Vec<(Vec<u8>, u64)> {
        let (elements, why) = page::branch(page, self.meta.page_size as usize);
        let mut children: Vec<(Vec<u8>, u64)> = Vec::new();
        if let Some(why) = why {
            self.damages.add(number, why);
        }
        for (index, (key, child)) in elements.into_iter().enumerate() {
            let ordered = children.last().is_none_or(|(last, _)| **last < *key);
            // The first child also contains keys that were inserted before its first key.
            let inside = index == 0 || key >= low;
            if !ordered || !inside || end.is_some_and(|end| key >= end) {
                self.damages.add(number, format!("the keys are not in order at element {index}"));
                continue;
            }
            let first = if index == 0 { low } else { key };
            children.push((first.to_vec(), child));
        }
        children
    }
}
