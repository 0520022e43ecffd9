use super::*;

/// Returns a binary with one loaded segment at 0x1000 that contains the whole file.
fn elf(is_wide: bool, is_big: bool) -> Vec<u8> {
    let number = |value: u64, length: usize| -> Vec<u8> {
        match is_big {
            true => value.to_be_bytes()[8 - length..].to_vec(),
            false => value.to_le_bytes()[..length].to_vec(),
        }
    };
    let word = if is_wide { 8 } else { 4 };
    let mut file = vec![0x7F, b'E', b'L', b'F', 1 + u8::from(is_wide), 1 + u8::from(is_big)];
    file.resize(16, 0);
    file.extend([number(2, 2), number(62, 2), number(1, 4)].concat());
    let header = if is_wide { 64 } else { 52 };
    file.extend([number(0, word), number(header, word), number(0, word), number(0, 4)].concat());
    file.extend(
        [number(header, 2), number(if is_wide { 56 } else { 32 }, 2), number(1, 2)].concat(),
    );
    file.resize(header as usize, 0);
    let (base, length) = (0x1000, 1 << 20);
    let part = match is_wide {
        true => [
            number(1, 4),
            number(5, 4),
            number(0, 8),
            number(base, 8),
            number(base, 8),
            number(length, 8),
        ],
        false => [
            number(1, 4),
            number(0, 4),
            number(base, 4),
            number(base, 4),
            number(length, 4),
            number(length, 4),
        ],
    };
    file.extend(part.concat());
    file.resize(256, 0);
    file
}

fn modules() -> Vec<u8> {
    [START, b"path\ta\nmod\ta.com/a\t(devel)\t\ndep\tb.com/b\tv1.0.0\th1:x=\n", END].concat()
}

fn names(file: &[u8]) -> Vec<String> {
    // A reader that returns a few bytes at a time.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = into.len().min(1009);
            self.0.read(&mut into[..most])
        }
    }
    let contents = read(&mut Slow(file)).unwrap();
    contents.packages.iter().map(|p| format!("{}@{}", p.name, p.version)).collect()
}

fn inline(version: &str, modules: &[u8]) -> Vec<u8> {
    let mut header = [MAGIC, &[8, INLINE]].concat();
    header.resize(HEADER, 0);
    for text in [version.as_bytes(), modules] {
        let mut length = text.len();
        while length > 0x7F {
            header.push(length as u8 | 0x80);
            length >>= 7;
        }
        header.push(length as u8);
        header.extend(text);
    }
    header
}

/// Returns a binary with two modules.
pub(crate) fn program() -> Vec<u8> {
    let mut file = elf(true, false);
    file.extend(inline("go1.22.1", &modules()));
    file
}

/// Aligned offsets on both sides of chunk boundaries.
const PLACES: [usize; 4] = [256, CHUNK - OVERLAP - 16, CHUNK - 16, 3 * CHUNK];

#[test]
fn texts_behind_the_header() {
    for place in PLACES {
        let mut file = elf(true, false);
        file.resize(place, 0);
        file.extend(inline("go1.22.1", &modules()));
        assert_eq!(names(&file), ["a.com/a@", "b.com/b@v1.0.0", "stdlib@1.22.1"], "{place}");
    }
}

#[test]
fn texts_behind_addresses() {
    for (is_wide, is_big) in [(true, false), (true, true), (false, false), (false, true)] {
        for place in PLACES {
            let mut file = elf(is_wide, is_big);
            file.extend(b"go1.9go1.16.3go1.0");
            file.extend(modules());
            file.resize(place.max(512), 0);
            let number = |value: usize| -> Vec<u8> {
                let value = value as u64;
                match (is_wide, is_big) {
                    (true, true) => value.to_be_bytes().to_vec(),
                    (true, false) => value.to_le_bytes().to_vec(),
                    (false, true) => (value as u32).to_be_bytes().to_vec(),
                    (false, false) => (value as u32).to_le_bytes().to_vec(),
                }
            };
            let address = |at: usize| number(0x1000 + at);
            let at = file.len();
            let mut header = [MAGIC, &[if is_wide { 8 } else { 4 }, u8::from(is_big)]].concat();
            header.extend(address(at + 100));
            header.resize(HEADER, 0);
            file.extend(header);
            file.resize(at + 100, 0);
            file.extend(address(256 + 5));
            file.extend(number("go1.16.3".len()));
            file.resize(file.len() + 1000, 0);
            let want = ["a.com/a@", "b.com/b@v1.0.0", "stdlib@1.16.3"];
            assert_eq!(names(&file), want, "{is_wide} {is_big} {place}");
        }
    }
}

#[test]
fn what_is_not_of_go_gives_nothing() {
    let mut file = elf(true, false);
    file.extend(MAGIC);
    file.resize(1 << 20, 0);
    assert!(names(&file).is_empty());
    for text in [&b""[..], b"#!/bin/sh\n", b"\x7FELF", b"MZ", b"\xCA\xFE\xBA\xBE\0\0\0\x34", START]
    {
        assert!(names(text).is_empty());
    }
    // Markers without modules, and an unaligned header.
    let mut file = elf(true, false);
    file.extend([START, b"nothing", END, b"x"].concat());
    file.extend(inline("go1.22.1", &modules()));
    file.drain(256..256 + 39);
    file.insert(256, 0);
    assert_eq!(names(&file), ["a.com/a@", "b.com/b@v1.0.0"]);
}

#[test]
fn modules_that_are_cut_off_are_said() {
    let mut file = elf(true, false);
    let whole = inline("go1.22.1", &modules());
    file.extend(&whole[..whole.len() - 20]);
    let contents = read(&mut &file[..]).unwrap();
    assert_eq!(contents.packages.len(), 1);
    assert_eq!(contents.problems.len(), 1);
}
