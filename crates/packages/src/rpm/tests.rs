use super::*;

/// Returns a header with these strings and two files, one of which was not installed.
fn header(name: &str, release: &str, epoch: u32, source: &str) -> Vec<u8> {
    let mut entries: Vec<u8> = Vec::new();
    let mut data = Vec::new();
    let mut add = |tag: u32, kind: u32, count: u32, content: &[u8]| {
        for number in [tag, kind, data.len() as u32, count] {
            entries.extend(number.to_be_bytes());
        }
        data.extend(content);
    };
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    add(1000, 6, 1, &text(name));
    add(1001, 6, 1, &text("1.0"));
    add(1002, 6, 1, &text(release));
    add(1003, 4, 1, &epoch.to_be_bytes());
    add(1014, 6, 1, &text("MIT"));
    add(1022, 6, 1, &text("x86_64"));
    add(1044, 6, 1, &text(source));
    add(1029, 1, 3, &[0, 2, 0]);
    add(1116, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    add(1117, 8, 3, b"a\0doc\0b\0");
    add(1118, 8, 2, b"/usr/bin/\0/usr/share/\0");
    add(1035, 8, 3, b"aa\0bb\0\0");
    add(5011, 4, 1, &8_u32.to_be_bytes());
    let lengths = [entries.len() as u32 / 16, data.len() as u32];
    [lengths.map(u32::to_be_bytes).concat(), entries, data].concat()
}

fn blobs() -> [Vec<u8>; 2] {
    [header("a", "1.el9", 0, "a-1.0-1.el9.src.rpm"), header("b", "2", 3, "lib-x-0.9-4.src.rpm")]
}

fn said(bytes: &[u8]) -> (Vec<String>, usize) {
    let contents = read(bytes);
    let of = |p: &Package| {
        let source =
            p.source.as_ref().map_or(String::new(), |s| format!(" {}@{}", s.name, s.version));
        format!("{}@{}.{}{source} {}", p.name, p.version, p.architecture, p.files.join(","))
    };
    (contents.packages.iter().map(of).collect(), contents.problems.len())
}

fn wanted() -> (Vec<String>, usize) {
    let files = "usr/bin/a,usr/bin/b";
    let lines =
        [format!("a@1.0-1.el9.x86_64 {files}"), format!("b@3:1.0-2.x86_64 lib-x@0.9-4 {files}")];
    (lines.to_vec(), 0)
}

fn ndb() -> Vec<u8> {
    let mut file = b"RpmP".to_vec();
    file.extend([0_u32, 7, 1].map(u32::to_le_bytes).concat());
    file.resize(4096, 0);
    for (blob, index) in blobs().iter().zip(1_u32..) {
        let at = file.len();
        let slot = 32 + index as usize * 32;
        file[slot..slot + 4].copy_from_slice(b"Slot");
        let place = [index, at as u32 / 16, 1].map(u32::to_le_bytes).concat();
        file[slot + 4..slot + 16].copy_from_slice(&place);
        file.extend(b"BlbS");
        file.extend([index, 7, blob.len() as u32].map(u32::to_le_bytes).concat());
        file.extend(blob);
        file.resize(file.len().next_multiple_of(16), 0);
    }
    file
}

/// Returns a page with a small header in the page and one on overflow pages.
fn bdb(is_big: bool) -> Vec<u8> {
    const PAGE: usize = 1024;
    let word = |value: usize| match is_big {
        true => (value as u32).to_be_bytes(),
        false => (value as u32).to_le_bytes(),
    };
    let half = |value: usize| match is_big {
        true => (value as u16).to_be_bytes(),
        false => (value as u16).to_le_bytes(),
    };
    let mut file = vec![0; PAGE * 2];
    file[12..16].copy_from_slice(&word(0x0006_1561));
    file[20..24].copy_from_slice(&word(PAGE));
    file[25] = 8;
    let [small, large] = blobs();
    let off_page = [&[3, 0, 0, 0][..], &word(2), &word(large.len())].concat();
    let items = [
        vec![1, 0, 0, 0, 0],
        vec![1, 9, 9, 9, 9],
        [&[1], &word(1)[..]].concat(),
        [&[1], &small[..]].concat(),
        [&[1], &word(2)[..]].concat(),
        off_page,
    ];
    let mut end = PAGE;
    for (item, index) in items.iter().zip(0..) {
        end -= item.len();
        file[PAGE + end..PAGE + end + item.len()].copy_from_slice(item);
        file[PAGE + 26 + index * 2..PAGE + 28 + index * 2].copy_from_slice(&half(end));
    }
    file[PAGE + 20..PAGE + 22].copy_from_slice(&half(items.len()));
    file[PAGE + 25] = 13;
    let pieces: Vec<_> = large.chunks(100).collect();
    for (piece, number) in pieces.iter().zip(2..) {
        let mut page = vec![0; PAGE];
        let next = if number - 1 == pieces.len() { 0 } else { number + 1 };
        page[16..20].copy_from_slice(&word(next));
        page[22..24].copy_from_slice(&half(piece.len()));
        page[25] = 7;
        page[26..26 + piece.len()].copy_from_slice(piece);
        file.extend(page);
    }
    file
}

#[test]
fn ndb_and_bdb() {
    assert_eq!(said(&ndb()), wanted());
    assert_eq!(said(&bdb(false)), wanted());
    assert_eq!(said(&bdb(true)), wanted());
}

#[test]
fn files_have_digests() {
    let mut found = Vec::new();
    let problems = rpm_files(&ndb(), &mut |file| {
        found.push(format!("{} {} {:?}", file.package.version, file.path, file.digest));
    });
    assert!(problems.is_empty());
    // The second file was not installed, and the last one has no digest.
    let expect = [
        r#"1.0-1.el9 usr/bin/a Some((8, "aa"))"#,
        "1.0-1.el9 usr/bin/b None",
        r#"3:1.0-2 usr/bin/a Some((8, "aa"))"#,
        "3:1.0-2 usr/bin/b None",
    ];
    assert_eq!(found, expect);
}

#[test]
fn a_circle_of_pages_ends() {
    let mut file = bdb(false);
    // The second page refers to itself: the header has wrong bytes but ends.
    file[3 * 1024 + 16..3 * 1024 + 20].copy_from_slice(&3_u32.to_le_bytes());
    let (packages, problems) = said(&file);
    assert!(packages.len() + problems == 2);
    // An empty page would loop forever.
    file[3 * 1024 + 22..3 * 1024 + 24].fill(0);
    assert_eq!(said(&file).1, 1);
}

#[test]
fn damage_is_said_and_hides_nothing() {
    for text in [&b""[..], b"text", b"RpmP", b"SQLite format 3\0"] {
        let (packages, problems) = said(text);
        assert!(packages.is_empty() && problems == 1);
    }
    let mut file = ndb();
    // The first header states more entries than it has.
    let at = file.windows(4).position(|window| window == b"BlbS").unwrap() + 16;
    file[at] = 0x7F;
    assert_eq!(said(&file), (wanted().0[1..].to_vec(), 1));
    for length in (0..file.len()).step_by(7) {
        said(&file[..length]);
        said(&bdb(true)[..length.min(4000)]);
    }
}

#[test]
fn sources() {
    let of = |file: &str| source(file).map(|s| (s.name, s.version));
    let pair = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
    assert_eq!(of("a-b-1.0-2.el9.src.rpm"), pair("a-b", "1.0-2.el9"));
    assert_eq!(of("a-1.0-2.nosrc.rpm"), pair("a", "1.0-2"));
    assert_eq!(of("(none)"), None);
    assert_eq!(of("a.src.rpm"), None);
}

/// A database compressed while reading gives the same result as one in memory.
#[test]
fn streams_are_read_like_bytes() {
    for bytes in [ndb(), bdb(false), bdb(true)] {
        let read_from = |keep: &dyn Fn(&str) -> bool| {
            super::read_from(&mut &*bytes, u64::MAX, keep).unwrap().packages
        };
        assert_eq!(read_from(&|_| true), read(&bytes).packages);
        let files: Vec<_> =
            read_from(&|path| path == "usr/bin/b").into_iter().flat_map(|p| p.files).collect();
        assert_eq!(files, ["usr/bin/b", "usr/bin/b"]);
    }
}

#[test]
fn changes_that_are_in_the_log_alone_are_told() {
    use crate::Reader;

    let want = Reader::of("var/lib/rpm/rpmdb.sqlite-wal").unwrap();
    assert_eq!(want.reader, Reader::RpmLog);
    for (length, told) in [(0, 0), (32, 0), (33, 1), (100_000, 1)] {
        let bytes = vec![0; length];
        let contents = want.read("", &mut &*bytes, &|_| true).unwrap();
        assert_eq!(contents.problems.len(), told, "{length}");
        assert_eq!(want.reader.read(&bytes).problems, contents.problems);
    }
    for path in ["var/lib/rpm/Packages-wal", "srv/rpmdb.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-shm"]
    {
        assert!(Reader::of(path).is_none(), "{path}");
    }
}
