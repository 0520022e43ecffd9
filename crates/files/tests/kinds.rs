//! Every kind of change on every kind of file is found, and what is not a change is not reported.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use pavisade_integrity::{Aspect, ChangeKind};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, RenameFlags, StatxFlags, Timespec, Timestamps, XattrFlags,
    mknodat, renameat_with, setxattr, statx, utimensat,
};

use crate::{changes, is_root, seen};

/// Files of different kinds, as a path below the tree.
fn targets() -> Vec<(&'static str, PathBuf)> {
    let odd = OsStr::from_bytes(b"a\n\\ \xff\xe2\x80\xae");
    vec![
        ("small", PathBuf::from("small")),
        ("empty", PathBuf::from("empty")),
        ("large", PathBuf::from("large")),
        ("program", PathBuf::from("bin/program")),
        ("hidden", PathBuf::from(".hidden")),
        ("odd name", PathBuf::from(odd)),
        ("deep", PathBuf::from("d/".repeat(40) + "deep")),
        ("hard link", PathBuf::from("linked")),
        ("with attributes", PathBuf::from("attributes")),
        ("read-only", PathBuf::from("read-only")),
    ]
}

fn build(tree: &Path) {
    for (name, path) in targets() {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content = match name {
            "empty" => Vec::new(),
            // More than is read at once.
            "large" => (0..700_001_u32).map(|at| (at / 7) as u8).collect(),
            name => format!("content of {name}\n").into_bytes(),
        };
        fs::write(&path, content).unwrap();
        let mode = match name {
            "program" => 0o755,
            "read-only" => 0o400,
            _ => 0o644,
        };
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        if name == "hard link" {
            fs::hard_link(&path, tree.join("linked-too")).unwrap();
        }
        if name == "with attributes" {
            let _ = setxattr(&path, "user.known", b"1", XattrFlags::empty());
        }
    }
    fs::create_dir(tree.join("other")).unwrap();
    fs::write(tree.join("other/file"), "other").unwrap();
    symlink("small", tree.join("link")).unwrap();
}

/// What a change does to a file, and what must be reported for its path.
enum Expect {
    Aspect(Aspect),
    Kind(ChangeKind),
    /// Something else in the tree is reported.
    Elsewhere(ChangeKind),
    /// Nothing is reported.
    Nothing,
}

type Edit = fn(&Path, &Path) -> std::io::Result<bool>;

/// Does an edit; `Ok(false)` says that it does not apply here.
fn kinds() -> Vec<(&'static str, Edit, Expect)> {
    use Expect::{Aspect as Is, Elsewhere, Kind, Nothing};
    fn done(result: std::io::Result<()>) -> std::io::Result<bool> {
        result.map(|()| true)
    }
    fn open(path: &Path) -> std::io::Result<File> {
        // Root may write read-only files; others may not.
        OpenOptions::new().read(true).write(true).open(path)
    }
    fn mode(path: &Path, change: impl Fn(u32) -> u32) -> std::io::Result<bool> {
        let before = fs::metadata(path)?.permissions().mode() & 0o7777;
        done(fs::set_permissions(path, Permissions::from_mode(change(before))))
    }
    fn beside(path: &Path, name: &str) -> PathBuf {
        path.with_file_name(name)
    }
    fn times(path: &Path) -> Timestamps {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS).unwrap();
        let time = |of: rustix::fs::StatxTimestamp| Timespec {
            tv_sec: of.tv_sec,
            tv_nsec: of.tv_nsec.into(),
        };
        Timestamps { last_access: time(found.stx_atime), last_modification: time(found.stx_mtime) }
    }
    fn flip(path: &Path) -> std::io::Result<bool> {
        let file = open(path)?;
        let length = file.metadata()?.len();
        if length == 0 {
            return Ok(false);
        }
        let mut byte = [0];
        file.read_exact_at(&mut byte, length / 2)?;
        done(file.write_all_at(&[byte[0] ^ 1], length / 2))
    }
    fn replaced(path: &Path, with: impl Fn(&Path) -> std::io::Result<()>) -> std::io::Result<bool> {
        fs::remove_file(path)?;
        done(with(path))
    }
    fn attribute(path: &Path, name: &str, value: &[u8]) -> std::io::Result<bool> {
        match setxattr(path, name, value, XattrFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOTSUP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
    fn acl(path: &Path, rights: u8) -> std::io::Result<bool> {
        let mut value = vec![2, 0, 0, 0];
        let mode = fs::metadata(path)?.permissions().mode();
        let bits = |shift: u32| (mode >> shift & 7) as u8;
        for (tag, rights, id) in [
            (1, bits(6), u32::MAX),
            (2, rights, 12345),
            (4, bits(3), u32::MAX),
            // The mask is the group's part of the mode.
            (16, bits(3), u32::MAX),
            (32, bits(0), u32::MAX),
        ] {
            value.extend([tag, 0, rights, 0]);
            value.extend(id.to_le_bytes());
        }
        attribute(path, "system.posix_acl_access", &value)
    }
    vec![
        (
            "a byte appended",
            |path, _| {
                let mut file = open(path)?;
                file.seek(SeekFrom::End(0))?;
                done(file.write_all(b"x"))
            },
            Is(Aspect::Content),
        ),
        (
            "a byte put before",
            |path, _| {
                let old = fs::read(path)?;
                done(fs::write(path, [b"x", &*old].concat()))
            },
            Is(Aspect::Content),
        ),
        (
            "cut off",
            |path, _| {
                let file = open(path)?;
                let length = file.metadata()?.len();
                if length == 0 {
                    return Ok(false);
                }
                done(file.set_len(length - 1))
            },
            Is(Aspect::Content),
        ),
        (
            "emptied",
            |path, _| {
                let file = open(path)?;
                if file.metadata()?.len() == 0 {
                    return Ok(false);
                }
                done(file.set_len(0))
            },
            Is(Aspect::Content),
        ),
        (
            "a hole at the end",
            |path, _| {
                let file = open(path)?;
                let length = file.metadata()?.len();
                done(file.set_len(length + 4096))
            },
            Is(Aspect::Content),
        ),
        ("a bit flipped", |path, _| flip(path), Is(Aspect::Content)),
        (
            "a bit flipped and the time set back",
            |path, _| {
                let before = times(path);
                let flipped = flip(path)?;
                utimensat(CWD, path, &before, AtFlags::empty())?;
                Ok(flipped)
            },
            Is(Aspect::Content),
        ),
        (
            "replaced by a file of the same size and time",
            |path, _| {
                let (before, old, new) = (times(path), fs::read(path)?, beside(path, "new"));
                if old.is_empty() {
                    return Ok(false);
                }
                fs::write(&new, vec![b'z'; old.len()])?;
                fs::set_permissions(&new, fs::metadata(path)?.permissions())?;
                utimensat(CWD, &new, &before, AtFlags::empty())?;
                done(fs::rename(&new, path))
            },
            Is(Aspect::Content),
        ),
        (
            "swapped with another file",
            |path, tree| {
                done(
                    renameat_with(CWD, path, CWD, tree.join("other/file"), RenameFlags::EXCHANGE)
                        .map_err(Into::into),
                )
            },
            Is(Aspect::Content),
        ),
        ("setuid", |path, _| mode(path, |mode| mode | 0o4000), Is(Aspect::Mode)),
        ("setgid", |path, _| mode(path, |mode| mode | 0o2000), Is(Aspect::Mode)),
        ("sticky", |path, _| mode(path, |mode| mode | 0o1000), Is(Aspect::Mode)),
        ("writable by all", |path, _| mode(path, |mode| mode | 0o002), Is(Aspect::Mode)),
        ("executable", |path, _| mode(path, |mode| mode ^ 0o100), Is(Aspect::Mode)),
        (
            "the owner",
            |path, _| {
                if is_root() {
                    done(std::os::unix::fs::lchown(path, Some(12345), None))
                } else {
                    Ok(false)
                }
            },
            Is(Aspect::Owner),
        ),
        (
            "the group",
            |path, _| {
                if is_root() {
                    done(std::os::unix::fs::lchown(path, None, Some(12345)))
                } else {
                    Ok(false)
                }
            },
            Is(Aspect::Group),
        ),
        (
            "an attribute",
            |path, _| attribute(path, "user.new", b"value"),
            Is(Aspect::Attribute("user.new".into())),
        ),
        (
            "a long attribute",
            |path, _| attribute(path, "user.long", &[b'v'; 1000]),
            Is(Aspect::Attribute("user.long".into())),
        ),
        (
            "a capability",
            |path, _| {
                if !is_root() {
                    return Ok(false);
                }
                let mut value = 0x0200_0001_u32.to_le_bytes().to_vec();
                value.extend((1_u32 << 7).to_le_bytes());
                value.extend([0; 12]);
                attribute(path, "security.capability", &value)
            },
            Is(Aspect::Capabilities),
        ),
        ("an access control list", |path, _| acl(path, 6), Is(Aspect::Acl)),
        ("deleted", |path, _| done(fs::remove_file(path)), Kind(ChangeKind::Removed)),
        (
            "renamed",
            |path, _| done(fs::rename(path, beside(path, "renamed"))),
            Kind(ChangeKind::Removed),
        ),
        (
            "moved",
            |path, tree| done(fs::rename(path, tree.join("other/moved"))),
            Kind(ChangeKind::Removed),
        ),
        (
            "a hard link inside",
            |path, tree| done(fs::hard_link(path, tree.join("other/hard"))),
            Is(Aspect::Links),
        ),
        (
            "a hard link outside",
            |path, tree| done(fs::hard_link(path, tree.with_file_name("outside"))),
            Is(Aspect::Links),
        ),
        (
            "replaced by a link to a copy",
            |path, tree| {
                let copy = tree.with_file_name("copy");
                fs::copy(path, &copy)?;
                replaced(path, |path| symlink(&copy, path))
            },
            Is(Aspect::Type),
        ),
        (
            "replaced by a folder",
            |path, _| replaced(path, |path| fs::create_dir(path)),
            Is(Aspect::Type),
        ),
        (
            "replaced by a pipe",
            |path, _| {
                replaced(path, |path| {
                    Ok(mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?)
                })
            },
            Is(Aspect::Type),
        ),
        (
            "replaced by a socket",
            |path, tree| {
                // The path of a socket is limited to 108 bytes.
                let socket = tree.with_file_name("s");
                let _listener = UnixListener::bind(&socket)?;
                replaced(path, |path| fs::rename(&socket, path))
            },
            Is(Aspect::Type),
        ),
        (
            "replaced by a device",
            |path, _| {
                if is_root() {
                    replaced(path, |path| {
                        Ok(mknodat(
                            CWD,
                            path,
                            FileType::CharacterDevice,
                            Mode::from_raw_mode(0o600),
                            rustix::fs::makedev(1, 3),
                        )?)
                    })
                } else {
                    Ok(false)
                }
            },
            Is(Aspect::Type),
        ),
        (
            "a file beside",
            |path, _| done(fs::write(beside(path, "new-file"), "x")),
            Elsewhere(ChangeKind::Added),
        ),
        (
            "an empty file beside",
            |path, _| done(fs::write(beside(path, ".empty"), "")),
            Elsewhere(ChangeKind::Added),
        ),
        (
            "a folder beside",
            |path, _| done(fs::create_dir(beside(path, "..."))),
            Elsewhere(ChangeKind::Added),
        ),
        (
            "a dangling link beside",
            |path, _| done(symlink("/nowhere", beside(path, "dangling"))),
            Elsewhere(ChangeKind::Added),
        ),
        // What is not a change.
        (
            "written again",
            |path, _| {
                let old = fs::read(path)?;
                done(fs::write(path, old))
            },
            Nothing,
        ),
        ("touched", |path, _| done(open(path)?.set_modified(std::time::UNIX_EPOCH)), Nothing),
        (
            "replaced by a copy",
            |path, _| {
                if path.ends_with("linked") || path.ends_with("attributes") {
                    return Ok(false);
                }
                let copy = beside(path, "copy");
                fs::copy(path, &copy)?;
                done(fs::rename(&copy, path))
            },
            Nothing,
        ),
        (
            "changed and changed back",
            |path, _| {
                mode(path, |mode| mode ^ 0o4000)?;
                mode(path, |mode| mode ^ 0o4000)
            },
            Nothing,
        ),
        ("read", |path, _| fs::read(path).map(|_| true), Nothing),
    ]
}

/// Returns whether owners can be set and devices made, which root in a user namespace may not.
fn has_all_rights() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (file, device) = (folder.path().join("file"), folder.path().join("device"));
    fs::write(&file, "").unwrap();
    let mode = Mode::from_raw_mode(0o600);
    let null = rustix::fs::makedev(1, 3);
    std::os::unix::fs::lchown(&file, Some(12345), Some(12345)).is_ok()
        && mknodat(CWD, &device, FileType::CharacterDevice, mode, null).is_ok()
}

/// Returns whether an edit failed because of missing rights or a missing feature.
fn is_not_possible(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let number = Errno::from_io_error(error);
    number.is_some_and(|number| {
        [Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::OPNOTSUPP].contains(&number)
    })
}

#[test]
fn all_kinds_of_changes_are_found() {
    let has_all_rights = has_all_rights();
    let (mut total, mut untried, mut excused) = (0, Vec::new(), Vec::new());
    if !has_all_rights {
        excused.extend(["the owner", "the group", "a capability", "replaced by a device"]);
        // A user namespace does not have the user of the list.
        excused.extend(is_root().then_some("an access control list"));
    }
    for (kind, edit, expect) in kinds() {
        let mut tried = 0;
        for (name, path) in targets() {
            let root = tempfile::tempdir().unwrap();
            let tree = root.path().join("tree");
            fs::create_dir(&tree).unwrap();
            build(&tree);
            let before = seen(root.path());
            assert!(before.gaps.is_empty(), "{:?}", before.gaps);
            let path = tree.join(path);
            match edit(&path, &tree) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) if !has_all_rights && is_not_possible(&error) => {
                    println!("skipped: {kind}, {name}: {error}");
                    continue;
                }
                Err(error) => panic!("{kind}, {name}: {error}"),
            }
            let compared = changes(&before, root.path());
            let shown = format!("{kind}, {name}: {:?}", compared.changes);
            let own = [b"/", crate::bytes(path.strip_prefix(root.path()).unwrap())].concat();
            let of_path = |change: &&pavisade_integrity::Change| {
                change.path() == own || change.was.as_ref().is_some_and(|was| *was.path == *own)
            };
            match &expect {
                Expect::Nothing => {
                    assert!(compared.changes.is_empty(), "{shown}");
                }
                Expect::Aspect(aspect) => {
                    let is = |change: &pavisade_integrity::Change| change.aspects.contains(aspect);
                    // overlayfs has no numbers of links.
                    if *aspect == Aspect::Links && before.has_overlay {
                        excused.push(kind);
                        continue;
                    }
                    assert!(compared.changes.iter().filter(of_path).any(is), "{shown}");
                }
                Expect::Kind(kind) => {
                    let is = |change: &pavisade_integrity::Change| {
                        change.kind == *kind || change.kind == ChangeKind::Renamed
                    };
                    assert!(compared.changes.iter().filter(of_path).any(is), "{shown}");
                }
                Expect::Elsewhere(kind) => {
                    assert_eq!(compared.changes.len(), 1, "{shown}");
                    assert_eq!(compared.changes[0].kind, *kind, "{shown}");
                }
            }
            if kind == "a bit flipped and the time set back" {
                let change = compared.changes.iter().find(of_path).unwrap();
                assert!(change.has_forged_time(), "{shown}");
            }
            tried += 1;
        }
        total += tried;
        // Some edits do not apply to two of the files, such as the empty and the read-only one.
        if tried < targets().len() - 2 {
            untried.push(kind);
        }
    }
    println!("{total} edits; not possible here: {untried:?}");
    untried.retain(|kind| !excused.contains(kind));
    assert!(untried.is_empty(), "not tried, although it must be possible here: {untried:?}");
}
