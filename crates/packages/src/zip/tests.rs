use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::local::Visitor;
use super::*;

/// How an entry is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Stored,
    Deflated,
    /// Deflated, with the sizes after it.
    Behind,
}

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns an archive with these entries.
pub(crate) fn archive(entries: &[(&str, &[u8], Form)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content, form) in entries {
        let packed = if *form == Form::Stored { content.to_vec() } else { deflated(content) };
        let method = if *form == Form::Stored { 0_u16 } else { 8 };
        let is_behind = *form == Form::Behind;
        let flags = if is_behind { 8_u16 } else { 0 };
        let sizes = [packed.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat();
        let start = [20_u16, flags, method].map(u16::to_le_bytes).concat();
        let name_length = (name.len() as u16).to_le_bytes();
        let offset = (out.len() as u32).to_le_bytes();
        let local_sizes = if is_behind { vec![0; 8] } else { sizes.clone() };
        out.extend([LOCAL, &start, &[0; 8], &local_sizes, &name_length, &[0; 2]].concat());
        out.extend(name.as_bytes());
        out.extend(&packed);
        if is_behind {
            out.extend([b"PK\x07\x08", &[0; 4][..], &sizes].concat());
        }
        directory
            .extend([ENTRY, &[20, 0], &start, &[0; 8], &sizes, &name_length, &[0; 12]].concat());
        directory.extend(offset);
        directory.extend(name.as_bytes());
    }
    let place = [directory.len() as u32, out.len() as u32].map(u32::to_le_bytes).concat();
    let count = (entries.len() as u16).to_le_bytes();
    out.extend(directory);
    out.extend([END, &[0; 4], &count, &count, &place, &[0; 2]].concat());
    out
}

fn sample() -> Vec<u8> {
    archive(&[
        ("a.txt", b"first", Form::Stored),
        ("b.txt", &[b'b'; 100_000], Form::Deflated),
        ("c.txt", b"third", Form::Behind),
        ("d.txt", b"fourth", Form::Stored),
    ])
}

fn unpacked(bytes: &[u8]) -> Vec<(String, usize)> {
    let archive = Archive::new(bytes).unwrap();
    let one = |entry: Entry<'_>| {
        let content = archive.packed(&entry).unwrap().unpacked(1 << 20).unwrap();
        (String::from_utf8_lossy(entry.name).into_owned(), content.len())
    };
    archive.entries().map(Result::unwrap).map(one).collect()
}

fn streamed(bytes: &[u8]) -> (Vec<(String, usize)>, Result<(), Unreadable>) {
    struct All(Vec<(String, usize)>);
    impl Visitor for All {
        fn wants(&mut self, _: &[u8]) -> Option<usize> {
            Some(50_000)
        }
        fn take(&mut self, name: &[u8], content: Result<(Vec<u8>, bool), Unreadable>) {
            let length = content.map_or(0, |(bytes, _)| bytes.len());
            self.0.push((String::from_utf8_lossy(name).into_owned(), length));
        }
    }
    let mut all = All(Vec::new());
    let read = local::read(bytes, &mut all).unwrap();
    (all.0, read)
}

fn lengths(of_b: usize) -> Vec<(String, usize)> {
    [("a.txt", 5), ("b.txt", of_b), ("c.txt", 5), ("d.txt", 6)]
        .map(|(name, length)| (name.to_owned(), length))
        .to_vec()
}

#[test]
fn entries_by_the_directory_and_as_a_stream() {
    let bytes = sample();
    assert_eq!(unpacked(&bytes), lengths(100_000));
    assert_eq!(streamed(&bytes), (lengths(50_000), Ok(())));
    // An executable before it, and a comment that looks like an end record.
    let mut before = b"#!/bin/sh\nexec java -jar $0\n".to_vec();
    before.extend(&bytes);
    let at = before.len() - 2;
    before[at..].copy_from_slice(&[4, 0]);
    before.extend(END);
    assert_eq!(unpacked(&before), lengths(100_000));
    assert_eq!(streamed(&before), (lengths(50_000), Ok(())));
}

#[test]
fn what_is_too_large_or_damaged_is_refused() {
    let bytes = sample();
    let zip = Archive::new(&bytes).unwrap();
    let entries: Vec<_> = zip.entries().map(Result::unwrap).collect();
    let packed = zip.packed(&entries[1]).unwrap();
    assert_eq!(packed.unpacked(99_999).unwrap_err(), Unreadable::TooLarge);
    assert_eq!(packed.start(10).unwrap().len(), 10);
    for length in 0..bytes.len() {
        if let Ok(zip) = Archive::new(&bytes[..length]) {
            zip.entries().flatten().for_each(|entry| drop(zip.packed(&entry).map(|p| p.start(10))));
        }
        let (_, read) = streamed(&bytes[..length]);
        assert!(read.is_err() || length > bytes.len() - 300, "{length}");
    }
    assert_eq!(Archive::new(b"PK").unwrap_err(), Unreadable::NoArchive);
    let mut encrypted = bytes.clone();
    encrypted[6] |= 1;
    assert_eq!(streamed(&encrypted).0[0].1, 0);
    // Offsets outside the file.
    let mut outside = bytes;
    let at = outside.len() - 6;
    outside[at..at + 4].fill(0xFE);
    assert_eq!(Archive::new(&outside).unwrap_err(), Unreadable::Damaged);
}

#[test]
fn a_bomb_ends_at_its_limit() {
    let content = vec![0; 2 << 20];
    let bytes = archive(&[("bomb", &content, Form::Behind)]);
    struct None_;
    impl Visitor for None_ {
        fn wants(&mut self, _: &[u8]) -> Option<usize> {
            None
        }
        fn take(&mut self, _: &[u8], _: Result<(Vec<u8>, bool), Unreadable>) {}
    }
    assert_eq!(local::read(&bytes[..], &mut None_).unwrap(), Err(Unreadable::TooLarge));
}

#[test]
fn a_comment_hides_no_entry() {
    let mut bytes = sample();
    // The complete end record of an empty archive plus one byte.
    let fake = [END, &[0; 18], b"x"].concat();
    let at = bytes.len() - 2;
    bytes[at..].copy_from_slice(&(fake.len() as u16).to_le_bytes());
    bytes.extend(&fake);
    assert_eq!(unpacked(&bytes), lengths(100_000));
}

#[test]
fn a_damaged_directory_says_so() {
    let bytes = sample();
    let second = memchr::memmem::find_iter(&bytes, ENTRY).nth(1).unwrap();
    let mut damaged = bytes.clone();
    damaged[second] = b'X';
    let entries: Vec<_> = Archive::new(&damaged).unwrap().entries().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].as_ref().unwrap_err(), &Unreadable::Damaged);
}
