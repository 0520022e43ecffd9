//! Races, hostile trees, and what cannot be read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use pavisade_files::{Options, Rate, collect, rehash};
use pavisade_integrity::{Algorithm, Content, Kind, Need, Scope, compare};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{is_root, scope, seen};

#[test]
fn links_in_chosen_paths_stay_in_the_root() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    fs::create_dir_all(at("usr/bin")).unwrap();
    fs::write(at("usr/bin/ls"), "ls").unwrap();
    symlink("usr/bin", at("bin")).unwrap();
    // An absolute link is relative to the root of the node, and `..` ends there.
    symlink("/usr", at("absolute")).unwrap();
    symlink("../../../usr/bin", at("above")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let scope =
        scope(&["/bin", "/absolute/bin/ls", "/above", "/loop", "/missing/x", "/usr/bin/ls"]);
    let found = collect(root.path(), &scope, &Options::default()).unwrap();
    let paths: Vec<_> =
        found.entries.iter().map(|entry| String::from_utf8_lossy(&entry.path)).collect();
    assert_eq!(paths, ["/above", "/absolute", "/bin", "/usr/bin", "/usr/bin/ls"]);
    assert_eq!(found.gaps.len(), 1);
    assert_eq!(&*found.gaps[0].path, b"/loop");
    // The link itself is covered: pointing it elsewhere is a change.
    fs::remove_file(at("bin")).unwrap();
    fs::create_dir_all(at("evil")).unwrap();
    symlink("evil", at("bin")).unwrap();
    let now = collect(root.path(), &scope, &Options::default()).unwrap();
    let changes = compare(&found.entries, &now.entries, &now.gaps).changes;
    assert!(changes.iter().any(|change| change.path() == b"/bin"));
}

#[test]
fn pipes_do_not_block_and_absent_paths_are_watched() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    mknodat(CWD, tree.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let found = seen(root.path());
    assert!(found.entries.iter().any(|entry| entry.kind == Kind::Fifo));
    let preload = scope(&["/etc/ld.so.preload"]);
    let before = collect(root.path(), &preload, &Options::default()).unwrap();
    assert!(before.entries.is_empty() && before.gaps.is_empty());
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/ld.so.preload"), "/tmp/evil.so").unwrap();
    let after = collect(root.path(), &preload, &Options::default()).unwrap();
    assert_eq!(compare(&before.entries, &after.entries, &after.gaps).changes.len(), 1);
}

#[test]
fn what_is_left_out_is_left_out() {
    let root = tempfile::tempdir().unwrap();
    for path in ["tree/a.log", "tree/b", "tree/skip/x", "tree/keep/skip"] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let exclude = [&b"/tree/*.log"[..], b"/tree/skip"].map(Into::into).to_vec();
    let scope = Scope { exclude, ..scope(&["/tree"]) };
    let found = collect(root.path(), &scope, &Options::default()).unwrap();
    let paths: Vec<_> =
        found.entries.iter().map(|entry| String::from_utf8_lossy(&entry.path)).collect();
    assert_eq!(paths, ["/tree", "/tree/b", "/tree/keep", "/tree/keep/skip"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_unknown() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let file = tree.join("log");
    fs::write(&file, vec![b'x'; 8 << 20]).unwrap();
    let (stop, started) = (AtomicBool::new(false), AtomicBool::new(false));
    let unknown = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&file).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"line\n").unwrap();
                started.store(true, Ordering::Relaxed);
            }
        });
        while !started.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        // A slow reader meets a writer for certain.
        let rate = Rate::new(40_000_000);
        let options = Options { rate: Some(&rate), ..Options::default() };
        let found = collect(root.path(), &crate::scope(&["/tree"]), &options).unwrap();
        stop.store(true, Ordering::Relaxed);
        let entry = found.entries.into_iter().find(|entry| entry.kind == Kind::File).unwrap();
        entry.content
    });
    assert_eq!(unknown, Content::Unread("it changed while it was read".into()));
}

#[test]
fn files_that_come_and_go_are_no_error() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("stays"), "x").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let path = tree.join(format!("f{}", round % 50));
                if round % 3 == 0 {
                    let _ = fs::create_dir(&path);
                    let _ = fs::remove_dir(&path);
                } else {
                    let _ = fs::write(&path, "x");
                    let _ = fs::remove_file(&path);
                }
            }
        });
        for _ in 0..100 {
            let found = seen(root.path());
            assert!(found.entries.iter().any(|entry| entry.path.ends_with(b"stays")));
            assert!(found.gaps.is_empty(), "{:?}", found.gaps);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn unreadable_files_are_unknown() {
    if is_root() {
        println!("skipped: root can read everything");
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir_all(tree.join("closed")).unwrap();
    fs::write(tree.join("secret"), "x").unwrap();
    fs::set_permissions(tree.join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let found = seen(root.path());
    assert_eq!(found.gaps.len(), 1);
    let secret = found.entries.iter().find(|entry| entry.path.ends_with(b"secret")).unwrap();
    assert!(matches!(&secret.content, Content::Unread(why) if why.contains("permission denied")));
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn processes_come_and_go_and_proc_is_not_stored() {
    let found = collect("/".as_ref(), &scope(&["/proc/self"]), &Options::default()).unwrap();
    assert!(found.gaps.iter().any(|gap| gap.why.contains("proc")), "{:?}", found.gaps);
    assert!(found.entries.len() < 5);
}

#[test]
fn both_hashes_and_both_ways_agree() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let content: Vec<u8> = (0..1_000_003_u32).map(|at| (at / 3) as u8).collect();
    fs::write(tree.join("file"), &content).unwrap();
    let blake3 = seen(root.path());
    let options = Options { algorithm: Algorithm::Sha256, ..Options::default() };
    let sha256 = collect(root.path(), &scope(&["/tree"]), &options).unwrap();
    let digest = |entries: &[pavisade_integrity::Entry]| entries[1].digest().unwrap();
    assert_eq!(digest(&sha256.entries), pavisade_integrity::Digest::sha256(&content));
    assert_eq!(digest(&blake3.entries).bytes, *blake3::hash(&content).as_bytes());
    let need = Need { path: b"/tree/file"[..].into(), algorithm: Algorithm::Sha256 };
    let again = rehash(root.path(), std::slice::from_ref(&need), &blake3.entries).unwrap();
    assert_eq!(again.values().next(), Some(&digest(&sha256.entries)));
    // A file that changed since has no further digest.
    fs::write(tree.join("file"), "other").unwrap();
    assert!(rehash(root.path(), &[need], &blake3.entries).unwrap().is_empty());
}

#[test]
fn a_trusted_file_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "content").unwrap();
    let before = seen(root.path());
    if before.has_overlay {
        println!("skipped: inodes are not trusted on overlayfs");
        return;
    }
    let options = Options { trust: Some(&before.entries), ..Options::default() };
    let trusting = || collect(root.path(), &scope(&["/tree"]), &options).unwrap();
    let now = trusting();
    assert_eq!((now.bytes, now.entries[1].trusted), (0, true));
    assert_eq!(compare(&before.entries, &now.entries, &[]).trusted, 1);
    // A change sets ctime, even if mtime is set back.
    let time = fs::metadata(tree.join("file")).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(tree.join("file"), "CONTENT").unwrap();
    fs::File::options().write(true).open(tree.join("file")).unwrap().set_modified(time).unwrap();
    let changes = compare(&before.entries, &trusting().entries, &[]).changes;
    assert!(changes[0].has_forged_time());
}

#[test]
fn what_was_replaced_is_not_read_without_end() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "content").unwrap();
    let before = seen(root.path());
    let need = Need { path: b"/tree/file"[..].into(), algorithm: Algorithm::Sha256 };
    let rehashed =
        || rehash(root.path(), std::slice::from_ref(&need), &before.entries).unwrap().len();
    assert_eq!(rehashed(), 1);
    fs::remove_file(tree.join("file")).unwrap();
    let (mode, null) = (rustix::fs::Mode::from_raw_mode(0o600), rustix::fs::makedev(1, 5));
    let make = |kind| rustix::fs::mknodat(rustix::fs::CWD, tree.join("file"), kind, mode, null);
    // The device of zeros, or where it cannot be made, a pipe.
    if make(rustix::fs::FileType::CharacterDevice).is_err() {
        println!("without a device: it cannot be made");
        make(rustix::fs::FileType::Fifo).unwrap();
    }
    assert_eq!(rehashed(), 0);
    // A file that claims to be huge.
    let huge = fs::File::create(tree.join("huge")).unwrap();
    if let Err(error) = huge.set_len(65 << 30) {
        println!("without a huge file: {error}");
        return;
    }
    let now = seen(root.path());
    let huge = now.entries.iter().find(|entry| entry.path.ends_with(b"huge")).unwrap();
    assert!(matches!(&huge.content, Content::Unread(why) if why.contains("64 GiB")), "{huge:?}");
}

#[test]
fn files_about_the_node_stay_below_the_root() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "outside").unwrap();
    fs::create_dir_all(at("etc")).unwrap();
    fs::create_dir_all(at("var/lib/dpkg")).unwrap();
    // An absolute link is resolved within the root, where this file does not exist.
    std::os::unix::fs::symlink(outside.path(), at("etc/machine-id")).unwrap();
    assert_eq!(pavisade_files::node(root.path(), Some("n")).unwrap().machine_id, "");
    fs::write(at("var/lib/id"), "inside\n").unwrap();
    fs::remove_file(at("etc/machine-id")).unwrap();
    std::os::unix::fs::symlink("/var/lib/id", at("etc/machine-id")).unwrap();
    assert_eq!(pavisade_files::node(root.path(), Some("n")).unwrap().machine_id, "inside");
    fs::remove_file(at("etc/machine-id")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, at("etc/machine-id"), fifo, mode, 0).unwrap();
    assert!(pavisade_files::node(root.path(), Some("n")).is_err());
    fs::write(at("var/lib/dpkg/status"), "Package: a\nStatus: install ok installed\nVersion: 1\n")
        .unwrap();
    let records = pavisade_files::records(root.path());
    assert_eq!(records.problems.len(), 1, "{:?}", records.problems);
}

#[test]
fn attributes_cannot_be_mistaken() {
    use rustix::fs::{XattrFlags, setxattr};
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("tree/file");
    fs::create_dir(root.path().join("tree")).unwrap();
    fs::write(&file, "content").unwrap();
    let long = [b'v'; 1000];
    if let Err(error) = setxattr(&file, "user.x", &long, XattrFlags::empty()) {
        println!("skipped: {error}");
        return;
    }
    let before = seen(root.path());
    // What is stored of a long value, and the text of its digest, are other values.
    let stored = before.entries[1].attributes.as_ref().unwrap();
    let stored = stored.iter().find(|(name, _)| &**name == "user.x").unwrap().1.to_vec();
    let digest = pavisade_integrity::Digest::sha256(&long).to_string().into_bytes();
    for value in [stored, digest] {
        setxattr(&file, "user.x", &value, XattrFlags::empty()).unwrap();
        let found = compare(&before.entries, &seen(root.path()).entries, &[]);
        assert_eq!(found.changes.len(), 1, "{found:?}");
    }
    if setxattr(&file, &b"user.\xff"[..], b"x", XattrFlags::empty()).is_ok() {
        assert!(seen(root.path()).entries[1].attributes.is_err());
    }
}

#[test]
fn paths_that_are_too_long_are_gaps() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("tree")).unwrap();
    let mut folder =
        rustix::fs::open(root.path().join("tree"), rustix::fs::OFlags::DIRECTORY, Mode::empty())
            .unwrap();
    let name = "d".repeat(250);
    for _ in 0..70 {
        rustix::fs::mkdirat(&folder, &*name, Mode::from_raw_mode(0o700)).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        folder = rustix::fs::openat(&folder, &*name, flags, Mode::empty()).unwrap();
    }
    let now = seen(root.path());
    assert_eq!(now.gaps.len(), 1);
    assert!(now.gaps[0].why.contains("16384"), "{}", now.gaps[0].why);
}
