//! The entries of a layer, kept until the layers below are known.
//!
//! An entry is one byte record: its type, its mode, the length of the prefix shared with the
//! previous path, the rest of the path, and the link target. A million names take about 30 MB.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::archive::{Entry, EntryKind};
use crate::{FileId, Limits, Refusal, Said};

/// The limits that all layers of an image share.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    names: AtomicUsize,
    bytes: AtomicUsize,
}

impl Budget {
    /// Returns an unused budget.
    pub fn new(limits: Limits) -> Self {
        Self { limits, names: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// Returns the limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn take(&self, bytes: usize) -> Result<(), Refusal> {
        let Limits { names, name_bytes, .. } = self.limits;
        if self.names.fetch_add(1, Ordering::Relaxed) >= names {
            return Err(Refusal::TooManyNames(names));
        }
        if self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > name_bytes {
            return Err(Refusal::TooLongNames(name_bytes));
        }
        Ok(())
    }
}

/// The entries of a layer, in order, without contents.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    records: Vec<u8>,
    count: u32,
    /// The path of the last entry.
    last: Vec<u8>,
}

impl Entries {
    /// Returns the number of entries.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// # Errors
    /// The names of all layers together exceed the limits.
    pub(crate) fn push(&mut self, entry: Entry, budget: &Budget) -> Result<(), Refusal> {
        let Entry { path, target, mode, kind, .. } = entry;
        let target = match kind {
            EntryKind::Link | EntryKind::HardLink => target,
            _ => Vec::new(),
        };
        let same = path.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        budget.take(path.len() - same + target.len())?;
        self.records.push(kind as u8);
        self.records.extend_from_slice(&mode.to_le_bytes());
        for number in [same, path.len() - same, target.len()] {
            self.number(number);
        }
        self.records.extend_from_slice(&path[same..]);
        self.records.extend_from_slice(&target);
        self.count = self.count.saturating_add(1);
        self.last = path;
        Ok(())
    }

    /// Writes a number in groups of seven bits, the lowest first.
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.records.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.records.push(number as u8);
    }

    /// Returns the encoded records and their number.
    pub(crate) fn records(&self) -> (&[u8], u32) {
        (&self.records, self.count)
    }

    /// Decodes cached entries; `None` if the bytes are invalid.
    ///
    /// # Errors
    /// See [`Entries::push`].
    pub(crate) fn restore(
        kept: &[u8],
        count: u64,
        budget: &Budget,
    ) -> Result<Option<Self>, Refusal> {
        let Ok(count) = u32::try_from(count) else { return Ok(None) };
        let (mut records, mut length) = (Records(kept), 0);
        for _ in 0..count {
            if records.head().is_none() {
                return Ok(None);
            }
            let (same, rest, target) = (records.number(), records.number(), records.number());
            if same > length || rest > records.0.len() || target > records.0.len() - rest {
                return Ok(None);
            }
            length = same + rest;
            records.take(rest + target);
            budget.take(rest + target)?;
        }
        let whole = records.0.is_empty();
        Ok(whole.then(|| Self { records: kept.to_vec(), count, last: Vec::new() }))
    }

    /// Calls `each` with every entry in order, until it returns an error.
    pub(crate) fn each(
        &self,
        layer: u16,
        mut each: impl FnMut(FileId, &[u8], u16, Said<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut records = Records(&self.records);
        let mut path = Vec::new();
        for entry in 0..self.count {
            let Some((kind, mode)) = records.head() else { break };
            let (same, rest, target) = (records.number(), records.number(), records.number());
            path.truncate(same);
            path.extend_from_slice(records.take(rest));
            let target = records.take(target);
            let said = match kind {
                kind if kind == EntryKind::Folder as u8 => Said::Folder,
                kind if kind == EntryKind::File as u8 => Said::File,
                kind if kind == EntryKind::Link as u8 => Said::Link(target),
                kind if kind == EntryKind::HardLink as u8 => Said::HardLink(target),
                _ => Said::Other,
            };
            each(FileId { layer, entry }, &path, mode, said)?;
        }
        Ok(())
    }
}

/// The records that are not decoded yet.
struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn head(&mut self) -> Option<(u8, u16)> {
        match self.take(3) {
            [kind, low, high] => Some((*kind, u16::from_le_bytes([*low, *high]))),
            _ => None,
        }
    }

    fn number(&mut self) -> usize {
        let (mut number, mut shift) = (0, 0);
        while let [byte] = self.take(1) {
            number |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 56 {
                break;
            }
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, target: &str, kind: EntryKind) -> Entry {
        Entry { path: path.into(), target: target.into(), mode: 0o4755, kind, size: 0 }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let long = "x/".repeat(300);
        let all = [
            ("usr/", "", EntryKind::Folder),
            ("usr/bin/a", "", EntryKind::File),
            ("usr/bin/ab", "a", EntryKind::Link),
            ("usr/bin/a", "usr/bin/ab", EntryKind::HardLink),
            (&long, &long, EntryKind::Link),
            ("", "", EntryKind::Other),
        ];
        let (budget, mut entries) = (Budget::new(Limits::default()), Entries::default());
        for (path, target, kind) in all {
            entries.push(entry(path, target, kind), &budget).unwrap();
        }
        let mut found = Vec::new();
        let each = |id: FileId, path: &[u8], mode, said: Said<'_>| {
            assert_eq!((id.layer, id.entry as usize, mode), (7, found.len(), 0o4755));
            let target = match said {
                Said::Link(target) | Said::HardLink(target) => target.to_vec(),
                _ => Vec::new(),
            };
            found.push((path.to_vec(), target));
            Ok(())
        };
        entries.each(7, each).unwrap();
        let wanted = all.map(|(path, target, _)| (path.into(), target.into()));
        assert_eq!(found, wanted);
    }

    #[test]
    fn all_layers_share_the_limits() {
        let budget = Budget::new(Limits { names: 3, name_bytes: 10, ..Limits::default() });
        let (mut one, mut other) = (Entries::default(), Entries::default());
        one.push(entry("abc", "", EntryKind::File), &budget).unwrap();
        other.push(entry("abc", "", EntryKind::File), &budget).unwrap();
        let long = entry("abcdefgh", "", EntryKind::File);
        assert!(matches!(one.push(long, &budget), Err(Refusal::TooLongNames(10))));
        let fourth = entry("d", "", EntryKind::File);
        assert!(matches!(other.push(fourth, &budget), Err(Refusal::TooManyNames(3))));
    }
}
