//! Malicious and malformed layers.

use std::io::Write as _;

use super::{Expect, Files, Refused, compare, files};
use crate::Digest;
use crate::testing::{Tar, header, record, seal};

type Shape = (&'static str, Vec<u8>, Expect);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Returns a header with some bytes replaced.
fn altered(kind: u8, size: u64, changes: &[(usize, &[u8])]) -> [u8; 512] {
    let mut block = header(b"a", kind, size);
    for (at, bytes) in changes {
        block[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    seal(&mut block);
    block
}

fn check(shapes: Vec<Shape>) {
    let least = shapes.len();
    let wrong: Vec<_> = shapes
        .into_iter()
        .filter_map(|(name, layer, expect)| compare(name, files(&layer, None), &expect))
        .collect();
    assert!(wrong.is_empty(), "of {least}: {wrong:#?}");
}

const CHECKSUM: &str = "checksum is wrong";
const CUT: &str = "unexpected end of file";

#[test]
fn headers() {
    let one = || Tar::default().file("a", b"abc");
    let cut = |length: usize| one().0[..length].to_vec();
    let mut changed = one().end();
    changed[0] = b'b';
    check(vec![
        ("nothing", Vec::new(), Files(&[])),
        ("one block of zeros", vec![0; 512], Files(&[])),
        ("a page of text", b"<html>".repeat(200), Refused(CHECKSUM)),
        ("less than a block", vec![b'a'; 100], Refused(CUT)),
        ("cut in a header", [cut(1024), cut(300)].concat(), Refused(CUT)),
        ("cut in a content", cut(514), Refused(CUT)),
        ("cut in the padding", cut(515), Files(&["a"])),
        ("no end", cut(1024), Files(&["a"])),
        ("a changed byte", changed, Refused(CHECKSUM)),
        (
            "zeros between entries",
            Tar([cut(1024), vec![0; 512]].concat()).file("b", b"").end(),
            Refused("one block of zeros"),
        ),
        (
            "an archive behind the end",
            [one().end(), Tar::default().file("b", b"").end()].concat(),
            Files(&["a"]),
        ),
        (
            "a size that is not a number",
            Tar::default().block(&altered(b'0', 0, &[(124, b"0000000000x")])).end(),
            Refused("not a number"),
        ),
        (
            "a negative size",
            Tar::default().block(&altered(b'0', 0, &[(124, &[0xFF; 12])])).end(),
            Refused("negative size"),
        ),
        (
            "8 EiB",
            Tar::default()
                .block(&altered(b'0', 0, &[(124, b"\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")]))
                .end(),
            Refused(CUT),
        ),
        (
            "more than 64 bits",
            Tar::default().block(&altered(b'0', 0, &[(124, b"\x81\0\0\0\0\0\0\0\0\0\0\0")])).end(),
            Refused("not a number"),
        ),
        (
            "an owner that is not a number",
            Tar::default().block(&altered(b'0', 0, &[(108, b"root   ")])).end(),
            Refused("not a number"),
        ),
        (
            "a folder that names a size",
            Tar::default().block(&altered(b'5', 1 << 30, &[])).file("b", b"").end(),
            Files(&["b"]),
        ),
        (
            "a kind that is not known",
            Tar::default().entry(b"x", b'Z', b"content").file("b", b"").end(),
            Files(&["b"]),
        ),
        (
            "devices and pipes",
            Tar::default().entry(b"x", b'3', b"").entry(b"y", b'6', b"").file("b", b"").end(),
            Files(&["b"]),
        ),
    ]);
}

#[test]
fn extended_headers() {
    let large = vec![b'x'; 2 << 20];
    let pax = |text: &[u8]| Tar::default().entry(b"pax", b'x', text).file("a", b"").end();
    let path = |path: &str| Tar::default().pax(&[("path", path)]).file("a", b"").end();
    let special = "more than 1 MiB";
    check(vec![
        (
            "a long name of 2 MiB",
            Tar::default().entry(b"L", b'L', &large).file("a", b"").end(),
            Refused(special),
        ),
        (
            "a long target of 2 MiB",
            Tar::default().entry(b"K", b'K', &large).file("a", b"").end(),
            Refused(special),
        ),
        ("records of 2 MiB", pax(&large), Refused(special)),
        (
            "global records of 2 MiB",
            Tar::default().entry(b"g", b'g', &large).file("a", b"").end(),
            Refused(special),
        ),
        (
            "records of 8 EiB",
            Tar::default()
                .block(&altered(b'x', 0, &[(124, b"\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")]))
                .end(),
            Refused(special),
        ),
        ("a record longer than its header", pax(b"99 path=a\n"), Refused("truncated")),
        ("a record without a length", pax(b"path=a\n"), Refused("truncated")),
        ("a record without an end", pax(b"9 path=ab"), Refused("truncated")),
        ("a record without a key", pax(b"5 =a\n"), Refused("no key")),
        ("a NUL in a path", pax(&record(b"path", b"a\0b")), Refused("NUL")),
        ("a NUL in a key", pax(&record(b"a\0b", b"c")), Refused("NUL")),
        ("a negative size", pax(&record(b"size", b"-1")), Refused("size that is not a number")),
        (
            "a size of 2^70",
            pax(&record(b"size", b"1180591620717411303424")),
            Refused("size that is not a number"),
        ),
        ("a size beyond the end", pax(&record(b"size", b"1000000")), Refused(CUT)),
        (
            "a time that is not a number",
            pax(&record(b"mtime", b"yesterday")),
            Refused("not a number"),
        ),
        ("two paths", pax(&[record(b"path", b"x"), record(b"path", b"y")].concat()), Files(&["y"])),
        ("a path of 20,000 bytes", path(&"x".repeat(20_000)), Refused("too deep")),
        ("a path of 9,000 bytes", path(&"x".repeat(9_000)), Refused("too deep")),
        ("a path of 1,000 names", path(&"x/".repeat(1000)), Refused("too deep")),
        ("a path out of the root", path("../../../etc/passwd"), Files(&["etc/passwd"])),
        ("a path from the root", path("//etc/./x/../passwd"), Files(&["etc/passwd"])),
        (
            "a header at the end",
            Tar::default().file("a", b"").pax(&[("path", "b")]).end(),
            Files(&["a"]),
        ),
        (
            "headers for headers",
            {
                let all = (0..500).fold(Tar::default(), |tar, _| tar.pax(&[("path", "b")]));
                all.file("a", b"").end()
            },
            Files(&["b"]),
        ),
        (
            "a path that is not UTF-8",
            pax(&record(b"path", b"\xFF\xFE")),
            Files(&["\u{FFFD}\u{FFFD}"]),
        ),
    ]);
}

#[test]
fn sparse_files() {
    let of = |map: &str, size: &str, stored: &[u8]| {
        let count = (map.split(',').count() / 2).to_string();
        Tar::default()
            .pax(&[
                ("GNU.sparse.major", "0"),
                ("GNU.sparse.minor", "1"),
                ("GNU.sparse.size", size),
                ("GNU.sparse.numblocks", &count),
                ("GNU.sparse.map", map),
            ])
            .file("a", stored)
            .end()
    };
    let in_content = |map: &[u8], size: &str| {
        Tar::default()
            .pax(&[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", size),
            ])
            .file("a", map)
            .end()
    };
    let old = |more: u8| {
        altered(b'S', 0, &[(257, b"ustar  \0"), (482, &[more]), (483, b"00000000010\0")])
    };
    let mut endless = Tar::default().block(&old(1));
    let mut block = [0; 512];
    block[504] = 1;
    for _ in 0..3000 {
        endless = endless.block(&block);
    }
    let (fit, broken) = ("a sparse file with an invalid map", "an invalid map of a sparse file");
    check(vec![
        ("parts that overlap", of("0,2,1,2", "8", b"abcd"), Refused(fit)),
        ("parts out of order", of("4,1,0,1", "8", b"ab"), Refused(fit)),
        ("a part behind the end", of("7,2", "8", b"ab"), Refused(fit)),
        ("a part that overflows", of("9223372036854775807,1", "8", b"a"), Refused(fit)),
        ("a negative part", of("0,-1", "8", b""), Refused(fit)),
        ("more bytes than the map", of("0,1", "8", b"abc"), Refused(fit)),
        ("fewer bytes than the map", of("0,5", "8", b"abc"), Refused(fit)),
        ("a map that is not numbers", of("0,x", "8", b""), Refused(broken)),
        ("a size that is not a number", of("0,1", "x", b"a"), Refused(broken)),
        ("a negative size", of("0,0", "-1", b""), Refused(fit)),
        // Only the requested bytes are generated.
        ("8 EiB of holes", of("0,1", "9223372036854775807", b"a"), Files(&["a"])),
        (
            "another number of parts",
            {
                Tar::default()
                    .pax(&[
                        ("GNU.sparse.map", "0,1"),
                        ("GNU.sparse.numblocks", "7"),
                        ("GNU.sparse.size", "8"),
                    ])
                    .file("a", b"a")
                    .end()
            },
            Refused(broken),
        ),
        ("a map without an end", in_content(&[b'1'; 2048], "8"), Refused(broken)),
        (
            "2^62 parts",
            in_content(&format!("{}\n{:600}", 1_u64 << 62, 0).into_bytes(), "8"),
            Refused("without its map"),
        ),
        ("a map behind the content", in_content(b"5\n", "8"), Refused("without its map")),
        ("blocks of a map without an end", endless.end(), Refused(broken)),
        (
            "a block of a map at the end",
            Tar::default().block(&old(1)).0,
            Refused("failed to fill whole buffer"),
        ),
        (
            "a map in a link",
            {
                let records = [
                    ("GNU.sparse.map", "0,0"),
                    ("GNU.sparse.numblocks", "1"),
                    ("GNU.sparse.size", "0"),
                ];
                Tar::default().pax(&records).link("a", b'2', "b").end()
            },
            Refused("no content"),
        ),
        (
            "a version that is not known",
            {
                let records =
                    [("GNU.sparse.major", "9"), ("GNU.sparse.minor", "0"), ("GNU.sparse.map", "x")];
                Tar::default().pax(&records).file("a", b"abc").end()
            },
            Files(&["a"]),
        ),
    ]);
}

#[test]
fn links_and_whiteouts() {
    let link = |name, target| Tar::default().link(name, b'2', target);
    let hard = |name, target| Tar::default().link(name, b'1', target);
    let file = |name| Tar::default().file(name, b"");
    let many = (0..1100).fold(Tar::default(), |tar, number| tar.file(&format!("{number}"), b""));
    check(vec![
        (
            "a link to the root",
            link("l", "/").file("l/etc/passwd", b"").end(),
            Files(&["etc/passwd"]),
        ),
        ("a link out of the root", link("l", "../../..").file("l/a", b"").end(), Files(&["a"])),
        ("a link to itself", link("l", "l").file("l/a", b"").end(), Refused("too many links")),
        (
            "a circle of links",
            link("a", "b").link("b", b'2', "a").file("a/c", b"").end(),
            Refused("too many links"),
        ),
        ("a link to nothing", link("l", "x/y").file("l/a", b"").end(), Files(&["x/y/a"])),
        ("a link without a target", link("l", "").file("l/a", b"").end(), Files(&["a"])),
        (
            "a hard link out of the root",
            hard("h", "../../etc/shadow").end(),
            Refused("has no target"),
        ),
        (
            "a hard link to what comes later",
            hard("h", "a").file("a", b"").end(),
            Refused("has no target"),
        ),
        (
            "a hard link to a folder",
            Tar::default().entry(b"d", b'5', b"").link("h", b'1', "d").end(),
            Refused("has no target"),
        ),
        ("a hard link to itself", file("h").link("h", b'1', "h").end(), Files(&["h"])),
        (
            "a hard link through a circle",
            link("l", "l").link("h", b'1', "l/x").end(),
            Refused("too many links"),
        ),
        ("a file in a file", file("a").file("a/b", b"").end(), Files(&["a/b"])),
        ("a file twice", file("a").file("./a", b"").file("/a", b"").end(), Files(&["a"])),
        ("a whiteout of nothing", file(".wh.").end(), Refused("not a valid whiteout")),
        ("a whiteout of the folder", file("d/.wh..").end(), Refused("not a valid whiteout")),
        ("a whiteout of the folder above", file("d/.wh...").end(), Refused("not a valid whiteout")),
        ("a whiteout of all", file("a").file(".wh..wh..opq", b"").end(), Files(&["a"])),
        (
            "a whiteout behind a circle",
            link("l", "l").file("l/.wh.x", b"").end(),
            Refused("too many links"),
        ),
        ("a whiteout of what is not there", file(".wh.a").end(), Files(&[])),
        ("more names than allowed", many.end(), Refused("more than 1000 files")),
        (
            "longer names than allowed",
            {
                let all = (0..100).fold(Tar::default(), |tar, number| {
                    tar.pax(&[("path", &format!("{number}{}", "x".repeat(4000)))]).file("a", b"")
                });
                all.end()
            },
            Refused("more than 131072 bytes"),
        ),
    ]);
}

#[test]
fn compression() {
    let archive = Tar::default().file("a", &[b'x'; 5000]).end();
    let (packed, frames) = (gzip(&archive), zstd(&archive));
    let halves = archive.split_at(700);
    let mut wrong_sum = packed.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    let skipped = [&b"\x50\x2A\x4D\x18\x04\0\0\0abcd"[..], &frames].concat();
    let bomb = Tar::default().file("a", &vec![0; 20 << 20]).end();
    // A window of 2^31 bytes and a single raw block.
    let window = b"\x28\xB5\x2F\xFD\x00\xA8\x09\0\0a".to_vec();
    check(vec![
        ("gzip", packed.clone(), Files(&["a"])),
        ("gzip of two members", [gzip(halves.0), gzip(halves.1)].concat(), Files(&["a"])),
        ("gzip that is cut", packed[..packed.len() / 2].to_vec(), Refused("layer 0")),
        ("gzip with a wrong sum", wrong_sum, Refused("layer 0")),
        ("gzip with something behind it", [&packed[..], b"something"].concat(), Refused("layer 0")),
        ("gzip in gzip", gzip(&packed), Refused("layer 0")),
        ("a head of gzip", vec![0x1F, 0x8B], Refused("layer 0")),
        ("a gzip that grows", gzip(&bomb), Refused("10 times its size")),
        ("zstd", frames.clone(), Files(&["a"])),
        ("zstd of two frames", [zstd(halves.0), zstd(halves.1)].concat(), Files(&["a"])),
        ("zstd behind a frame to be skipped", skipped, Files(&["a"])),
        ("zstd that is cut", frames[..frames.len() / 2].to_vec(), Refused("layer 0")),
        ("zstd with a large window", window, Refused("layer 0")),
        ("a zstd that grows", zstd(&bomb), Refused("10 times its size")),
        (
            "more than a layer may have",
            Tar::default().file("a", &vec![0; 33 << 20]).end(),
            Refused("larger than 33554432 bytes"),
        ),
        ("xz", b"\xFD7zXZ\0\0\x04".to_vec(), Refused("compressed with xz")),
        ("bzip2", b"BZh91AY&SY".to_vec(), Refused("compressed with bzip2")),
        ("zip", b"PK\x03\x04\x14\0".to_vec(), Refused("compressed with zip")),
    ]);
}

#[test]
fn the_digest_is_of_all_bytes() {
    let archive = Tar::default().file("a", b"").end();
    let longer = [&archive[..], b"behind the end"].concat();
    let digest = Digest::of(&archive);
    assert_eq!(files(&archive, Some(&digest)).unwrap(), ["a"]);
    assert_eq!(files(&gzip(&archive), Some(&digest)).unwrap(), ["a"]);
    for other in [&longer, &Tar::default().file("b", b"").end()] {
        let refusal = files(other, Some(&digest)).unwrap_err().to_string();
        assert!(refusal.contains("instead of sha256:"), "{refusal}");
    }
}
