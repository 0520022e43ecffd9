//! Contents of archives, compared with the `tar` crate and where that crate is wrong.

use std::io::Read;

use super::*;
use crate::testing::{Tar, header, record, seal};

type Found = (String, String, EntryKind, u16, Vec<u8>);

fn read(archive: &[u8]) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut archive = Archive::new(Stream(archive));
    while let Some(entry) = archive.next()? {
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content)?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(content.len() as u64, entry.size);
        found.push((text(&entry.path), text(&entry.target), entry.kind, entry.mode, content));
    }
    Ok(found)
}

/// Reads an archive with the `tar` crate.
fn by_crate(archive: &[u8]) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => EntryKind::Folder,
            tar::EntryType::Symlink => EntryKind::Link,
            tar::EntryType::Link => EntryKind::HardLink,
            kind if kind.is_file() || kind.is_gnu_sparse() => EntryKind::File,
            _ => EntryKind::Other,
        };
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let mode = (entry.header().mode()? & 0o7777) as u16;
        found.push((text(&entry.path_bytes()), text(&target), kind, mode, content));
    }
    Ok(found)
}

/// A deterministic pseudo-random number generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn what_programs_write_is_read_as_the_tar_crate_reads_it() {
    let mut random = Random(1);
    for round in 0..40 {
        let mut builder = tar::Builder::new(Vec::new());
        for _ in 0..random.below(30) {
            let name = format!("{}x", "long-name/".repeat(random.below(30)));
            let content = vec![b'c'; random.below(1500)];
            let mut header =
                if round % 2 == 0 { tar::Header::new_gnu() } else { tar::Header::new_ustar() };
            header.set_mode(0o4711);
            header.set_size(0);
            if round % 2 == 1 && random.below(2) == 0 {
                builder
                    .append_pax_extensions([("path", name.as_bytes()), ("mtime", b"1.5")])
                    .unwrap();
            }
            let path = if round % 2 == 0 { &*name } else { "short" };
            match random.below(4) {
                0 => {
                    header.set_entry_type(tar::EntryType::Directory);
                    builder.append_data(&mut header, path, io::empty()).unwrap();
                }
                1 => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    builder
                        .append_link(&mut header, path, if round % 2 == 0 { &name } else { "to" })
                        .unwrap();
                }
                2 => {
                    header.set_entry_type(tar::EntryType::Link);
                    builder.append_link(&mut header, path, "to").unwrap();
                }
                _ => {
                    header.set_size(content.len() as u64);
                    builder.append_data(&mut header, path, &*content).unwrap();
                }
            }
        }
        let archive = builder.into_inner().unwrap();
        let (ours, theirs) = (read(&archive).unwrap(), by_crate(&archive).unwrap());
        assert_eq!(ours, theirs, "round {round}");
        // A truncated archive gives a prefix of the entries or an error, never wrong entries.
        let cut = random.below(archive.len());
        match read(&archive[..cut]) {
            Ok(some) => assert!(ours.starts_with(&some), "round {round}, cut at {cut}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "round {round}"),
        }
    }
}

#[test]
fn bytes_that_were_changed_are_no_danger() {
    let archive = Tar::default()
        .pax(&[("path", "a"), ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")])
        .file("b", b"1\n0\n3\nabc")
        .entry(b"././@LongLink", b'L', b"long\0")
        .link("c", b'2', "d")
        .end();
    let mut random = Random(2);
    for _ in 0..5000 {
        let mut changed = archive.clone();
        let at = random.below(changed.len());
        changed[at] = random.below(256) as u8;
        // Usually fix the checksum.
        let start = at / 512 * 512;
        let block: &mut [u8; 512] = (&mut changed[start..start + 512]).try_into().unwrap();
        if random.below(4) > 0 && block[257..262] == *b"ustar" {
            seal(block);
        }
        drop(read(&changed));
    }
}

fn names(archive: &[u8]) -> Vec<String> {
    read(archive).unwrap().into_iter().map(|found| found.0).collect()
}

#[test]
fn extended_headers_count_for_the_next_entry_as_go_takes_them() {
    for (archive, expect) in [
        (
            Tar::default()
                .pax(&[("path", "first"), ("path", "last")])
                .file("plain", b"")
                .file("next", b""),
            &["last", "next"][..],
        ),
        (Tar::default().pax(&[("path", "first"), ("path", "")]).file("plain", b""), &["plain"]),
        // A second header replaces the whole first one.
        (Tar::default().pax(&[("path", "a")]).pax(&[("size", "0")]).file("plain", b""), &["plain"]),
        // A long name overrides a record.
        (
            Tar::default()
                .pax(&[("path", "a")])
                .entry(b"L", b'L', b"long\0rest")
                .file("plain", b""),
            &["long"],
        ),
        (Tar::default().entry(b"L", b'L', b"\0").file("plain", b""), &["plain"]),
        // Global headers are ignored and drop pending records.
        (Tar::default().entry(b"g", b'g', &record(b"path", b"all")).file("plain", b""), &["plain"]),
        (
            Tar::default()
                .pax(&[("path", "a")])
                .entry(b"g", b'g', &record(b"comment", b"c"))
                .file("plain", b""),
            &["plain"],
        ),
        // Everything after the end is ignored.
        (Tar(Tar::default().file("plain", b"").end()).file("behind", b""), &["plain"]),
    ] {
        assert_eq!(names(&archive.end()), expect);
    }
    let archive =
        Tar::default().pax(&[("size", "3")]).block(&header(b"a", b'0', 1)).content(b"abc");
    assert_eq!(read(&archive.end()).unwrap()[0].4, b"abc");
}

#[test]
fn names_have_a_prefix_and_end_at_a_nul() {
    let mut posix = header(b"name\0rest", b'0', 0);
    posix[345..352].copy_from_slice(b"a/folde");
    seal(&mut posix);
    let mut gnu = posix;
    gnu[257..265].copy_from_slice(b"ustar  \0");
    seal(&mut gnu);
    // Times in the field that Go once used for a prefix.
    let mut times = gnu;
    times[345..357].copy_from_slice(b"00000000001\0");
    seal(&mut times);
    let mut old = posix;
    old[257..265].fill(0);
    seal(&mut old);
    let mut star = posix;
    star[508..512].copy_from_slice(b"tar\0");
    seal(&mut star);
    for (block, expect) in [
        (posix, "a/folde/name"),
        (gnu, "a/folde/name"),
        (times, "name"),
        (old, "name"),
        (star, "a/folde/name"),
    ] {
        assert_eq!(names(&Tar::default().block(&block).end()), [expect]);
    }
    let folder = Tar::default().entry(b"old/", 0, b"").entry(b"new/", b'0', b"").end();
    let kinds: Vec<_> = read(&folder).unwrap().into_iter().map(|found| found.2).collect();
    assert_eq!(kinds, [EntryKind::Folder, EntryKind::File]);
}

#[test]
fn numbers_may_be_binary_and_sums_signed() {
    let mut block = header("ä".as_bytes(), b'0', 0);
    block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x03");
    seal(&mut block);
    assert_eq!(read(&Tar::default().block(&block).content(b"abc").end()).unwrap()[0].4, b"abc");
    block[148..156].copy_from_slice(b"        ");
    let sum: i32 = block.iter().map(|byte| i32::from(byte.cast_signed())).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(read(&Tar::default().block(&block).content(b"abc").end()).unwrap().len(), 1);
}

/// `a` at 2, `bc` at 5, of 8 bytes.
const WANTED: &[u8] = b"\0\0a\0\0bc\0";

#[test]
fn sparse_files_of_every_form() {
    let mut old = header(b"s", b'S', 3);
    old[257..265].copy_from_slice(b"ustar  \0");
    old[386..410].copy_from_slice(b"00000000002\x0000000000001\0");
    old[410..434].copy_from_slice(b"00000000005\x0000000000002\0");
    old[483..495].copy_from_slice(b"00000000010\0");
    seal(&mut old);
    let mut more = old;
    more[410..434].fill(0);
    more[482] = 1;
    seal(&mut more);
    let mut rest = [0; 512];
    rest[..24].copy_from_slice(b"00000000005\x0000000000002\0");
    let plain = header(b"s", b'0', 3);
    let version = |minor, rest: &[(&'static str, &'static str)]| {
        let all = [&[("GNU.sparse.major", "0"), ("GNU.sparse.minor", minor)], rest].concat();
        Tar::default().pax(&all).block(&plain).content(b"abc")
    };
    for (form, archive) in [
        ("old", Tar::default().block(&old).content(b"abc")),
        ("old, two blocks", Tar::default().block(&more).block(&rest).content(b"abc")),
        (
            "0.0",
            version(
                "0",
                &[
                    ("GNU.sparse.size", "8"),
                    ("GNU.sparse.numblocks", "2"),
                    ("GNU.sparse.offset", "2"),
                    ("GNU.sparse.numbytes", "1"),
                    ("GNU.sparse.offset", "5"),
                    ("GNU.sparse.numbytes", "2"),
                ],
            ),
        ),
        (
            "0.1",
            version(
                "1",
                &[
                    ("GNU.sparse.size", "8"),
                    ("GNU.sparse.numblocks", "2"),
                    ("GNU.sparse.map", "2,1,5,2"),
                    ("GNU.sparse.name", "s"),
                ],
            ),
        ),
        (
            "1.0",
            Tar::default()
                .pax(&[
                    ("GNU.sparse.major", "1"),
                    ("GNU.sparse.minor", "0"),
                    ("GNU.sparse.realsize", "8"),
                    ("GNU.sparse.name", "s"),
                ])
                .block(&header(b"GNUSparseFile.1/s", b'0', 515))
                .content(b"2\n2\n1\n5\n2\n")
                .content(b"abc"),
        ),
    ] {
        let found = read(&archive.file("next", b"n").end()).unwrap();
        assert_eq!((&*found[0].0, &*found[0].4), ("s", WANTED), "{form}");
        assert_eq!((&*found[1].0, &*found[1].4), ("next", &b"n"[..]), "{form}");
    }
}
