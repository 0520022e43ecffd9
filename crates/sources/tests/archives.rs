//! Archives, compressed texts, and errors in them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::common::{different, object, put, run, scan, seen, tree};
use pavisade_model::NoteKind;
use pavisade_sources::{Limits, Request, load};
use pavisade_yaml::Origin;

/// Returns a tar archive with these members. Names are written unchanged.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn archives_are_folders_of_their_own() {
    let service = object("Service", "web");
    let (dev, prod) = (different("ConfigMap", "c", "dev"), different("ConfigMap", "c", "prod"));
    let plain = tar(&[("./k8s/web.yaml", service.as_bytes()), ("README.md", b"x")]);
    let twice = tar(&[("dev/c.yaml", dev.as_bytes()), ("prod/c.yaml", prod.as_bytes())]);
    let folder = tree(&[]);
    put(folder.path(), "a.tar", &plain);
    put(folder.path(), "b.tar.gz", &gzip(&plain));
    put(folder.path(), "c.tar.zst", &zstd::encode_all(&plain[..], 3).unwrap());
    put(folder.path(), "d.tgz", &gzip(&twice));
    put(folder.path(), "e.yaml.gz", &gzip(service.as_bytes()));
    let at = |name: &str| folder.path().join(name);
    let names = ["a.tar", "b.tar.gz", "c.tar.zst", "d.tgz", "e.yaml.gz"];
    let seen = run(folder.path(), &Request::new(names.map(at)));
    assert_eq!(
        seen.world_names(),
        ["@/a.tar", "@/b.tar.gz", "@/c.tar.zst", "@/d.tgz:dev", "@/d.tgz:prod", "@/e.yaml.gz"]
    );
    assert_eq!(seen.note("checked separately"), (NoteKind::Info, "@/d.tgz"));
    assert_eq!(seen.sources()[0], "@/a.tar:k8s/web.yaml");
    assert_eq!(seen.sources()[5], "@/e.yaml.gz");
    // An archive in a directory is not read.
    assert_eq!(scan(folder.path()).objects(), [] as [&str; 0]);
}

#[test]
fn an_archive_may_come_through_standard_input() {
    let service = object("Service", "web");
    let bytes = gzip(&tar(&[("web.yaml", service.as_bytes())]));
    let loaded = load(&Request::new(["-"]), &bytes[..], &());
    let worlds = loaded.snapshot.worlds();
    let origins =
        worlds.iter().flat_map(|world| world.objects()).map(|o| o.doc().source().origin());
    assert_eq!(origins.collect::<Vec<_>>(), [&Origin::Member]);
    assert_eq!(seen(Path::new("/"), loaded).sources(), ["<stdin>:web.yaml"]);
}

#[test]
fn members_cannot_leave_and_links_are_passed_over() {
    let secret = object("Secret", "s");
    let mut builder = tar::Builder::new(tar(&[("../../evil.yaml", secret.as_bytes())]));
    // Overwrite the end marks.
    builder.get_mut().truncate(1024);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "link", "/etc").unwrap();
    let folder = tree(&[]);
    put(folder.path(), "in/x.tar", &builder.into_inner().unwrap());
    let seen = scan(&folder.path().join("in/x.tar"));
    assert_eq!(seen.sources().len(), 1, "{:?}", seen.sources());
    assert!(seen.sources()[0].ends_with("x.tar:evil.yaml") || seen.sources()[0] == "@:evil.yaml");
    assert_eq!(seen.note("leads outside the archive").0, NoteKind::Warning);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn broken_archives_are_noted() {
    let service = object("Service", "web");
    let whole = gzip(&tar(&[
        ("web.yaml", service.as_bytes()),
        ("noise.bin", &(0..9000_u32).flat_map(|n| (n * n).to_le_bytes()).collect::<Vec<_>>()),
    ]));
    let folder = tree(&[("a.tar.gz", "not an archive")]);
    put(folder.path(), "b.tar.gz", &whole[..whole.len() / 2]);
    put(folder.path(), "c.gz", b"\x1F\x8Bnonsense");
    let at = |name: &str| folder.path().join(name);
    let seen = run(folder.path(), &Request::new(["a.tar.gz", "b.tar.gz", "c.gz"].map(at)));
    assert_eq!(seen.note("but it is not one"), (NoteKind::Unread, "@/a.tar.gz"));
    assert_eq!(seen.note("after 1 members"), (NoteKind::Unread, "@/b.tar.gz"));
    assert_eq!(seen.note("the archive could not be read:"), (NoteKind::Unread, "@/c.gz"));
    assert_eq!(seen.objects(), ["Service web"]);
}

#[test]
fn bombs_are_defused() {
    let service = object("Service", "web");
    let zeros = vec![0; 40 << 20];
    let bomb = gzip(&tar(&[("web.yaml", service.as_bytes()), ("zeros.yaml", &zeros)]));
    let folder = tree(&[]);
    put(folder.path(), "bomb.tgz", &bomb);
    let path = folder.path().join("bomb.tgz");
    let with = |limits| run(folder.path(), &Request { limits, ..Request::new([&path]) });
    let seen = with(Limits::default());
    assert_eq!(seen.note("more than 200 times its size").0, NoteKind::Unread);
    assert_eq!(seen.objects(), ["Service web"]);
    let free = Limits { archive_ratio: 100_000, ..Limits::default() };
    assert_eq!(with(free).objects(), ["Service web"]);
    let seen = with(Limits { archive_bytes: 1 << 20, ..free });
    assert_eq!(seen.note("more than 1 MiB").0, NoteKind::Unread);
    let seen = with(Limits { file_bytes: 1 << 20, ..free });
    assert_eq!(seen.note("larger than 1 MiB"), (NoteKind::Unread, "@/bomb.tgz:zeros.yaml"));
    let seen = with(Limits { archive_entries: 1, ..free });
    assert_eq!(seen.note("more than 1 members").0, NoteKind::Unread);
}

#[test]
fn holes_of_a_sparse_member_count_as_bytes() {
    let mut archive = tar::Builder::new(Vec::new());
    for _ in 0..3 {
        let mut header = tar::Header::new_gnu();
        header.set_path("web.yaml").unwrap();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::GNUSparse);
        let gnu = header.as_gnu_mut().unwrap();
        // Half a megabyte of zeros.
        gnu.realsize.copy_from_slice(b"00002000000\0");
        gnu.sparse[0].offset.copy_from_slice(b"00002000000\0");
        gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
        header.set_cksum();
        archive.append(&header, &b""[..]).unwrap();
    }
    let folder = tree(&[]);
    put(folder.path(), "a.tar", &archive.into_inner().unwrap());
    let mut request = Request::new([folder.path().join("a.tar")]);
    request.limits = Limits { archive_bytes: 1 << 20, ..Limits::default() };
    let seen = run(folder.path(), &request);
    assert_eq!(seen.note("after 2 members: it unpacks to more than 1 MiB").0, NoteKind::Unread);
}
