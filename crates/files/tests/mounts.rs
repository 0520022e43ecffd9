//! overlayfs, and a disk that returns other bytes. Needs root; everything is on a small tmpfs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pavisade_integrity::Aspect;

use crate::{changes, is_root, seen};

/// A mount that is removed at the end.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let done = Command::new("mount").args(arguments).arg(at).output().ok()?;
        if !done.status.success() {
            println!(
                "skipped: mount {arguments:?}: {}",
                String::from_utf8_lossy(&done.stderr).trim()
            );
            return None;
        }
        Some(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn small_disk(at: &Path) -> Option<Mount> {
    if !is_root() {
        println!("skipped: only root can mount");
        return None;
    }
    Mount::new(&["-t", "tmpfs", "-o", "size=64m", "tmpfs"], at)
}

#[test]
fn a_copy_up_is_no_change_and_a_write_is() {
    let base = tempfile::tempdir().unwrap();
    let Some(_disk) = small_disk(base.path()) else { return };
    let at = |path: &str| base.path().join(path);
    for folder in ["lower/tree", "upper", "work", "merged"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    for name in ["a", "b", "c"] {
        fs::write(at("lower/tree").join(name), format!("content of {name}")).unwrap();
    }
    fs::hard_link(at("lower/tree/a"), at("lower/tree/hard")).unwrap();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        at("lower").display(),
        at("upper").display(),
        at("work").display()
    );
    let arguments = ["-t", "overlay", "-o", &options, "overlay"];
    let Some(mut overlay) = Mount::new(&arguments, &at("merged")) else { return };
    let before = seen(&at("merged"));
    assert!(before.has_overlay);
    // Opening for writing copies the file up: one of the two links gets another inode.
    drop(OpenOptions::new().append(true).open(at("merged/tree/a")).unwrap());
    fs::set_permissions(
        at("merged/tree/b"),
        fs::metadata(at("merged/tree/b")).unwrap().permissions(),
    )
    .unwrap();
    assert!(at("upper/tree/a").exists() && at("upper/tree/b").exists());
    assert_eq!(changes(&before, &at("merged")).changes, []);
    // A restart is another mount.
    for _ in 0..20 {
        drop(overlay);
        overlay = Mount::new(&arguments, &at("merged")).unwrap();
        assert_eq!(changes(&before, &at("merged")).changes, []);
    }
    OpenOptions::new().append(true).open(at("merged/tree/c")).unwrap().write_all(b"!").unwrap();
    let found = changes(&before, &at("merged")).changes;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].path(), &*found[0].aspects), (&b"/tree/c"[..], &[Aspect::Content][..]));
    fs::remove_file(at("merged/tree/hard")).unwrap();
    assert_eq!(changes(&before, &at("merged")).changes.len(), 2);
    drop(overlay);
}

#[test]
fn other_bytes_from_the_disk_are_found() {
    let base = tempfile::tempdir().unwrap();
    let Some(_disk) = small_disk(base.path()) else { return };
    let at = |path: &str| base.path().join(path);
    let image = at("image");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").arg("-F").arg(&image).output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: there is no mkfs.ext4");
        return;
    }
    fs::create_dir(at("mnt")).unwrap();
    let image_text = image.to_str().unwrap();
    let mount = || Mount::new(&["-o", "loop,noatime", image_text], &at("mnt"));
    let Some(mounted) = mount() else { return };
    let mark = b"a mark that is on the disk once: 7f3a91c2";
    fs::create_dir(at("mnt/tree")).unwrap();
    fs::write(at("mnt/tree/rot"), [&mark[..], &[b'x'; 5000]].concat()).unwrap();
    fs::write(at("mnt/tree/well"), "well").unwrap();
    let before = seen(&at("mnt"));
    drop(mounted);
    let bytes = fs::read(&image).unwrap();
    let found = bytes.windows(mark.len()).position(|window| window == mark).unwrap();
    let file = OpenOptions::new().write(true).open(&image).unwrap();
    file.write_all_at(&[bytes[found + 9] ^ 4], found as u64 + 9).unwrap();
    drop(file);
    let _mounted = mount().unwrap();
    let found = changes(&before, &at("mnt")).changes;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].is_silent());
    // Times do not see it.
    let options = pavisade_files::Options { trust: Some(&before.entries), ..Default::default() };
    let now = pavisade_files::collect(&at("mnt"), &crate::scope(&["/tree"]), &options).unwrap();
    assert_eq!(pavisade_integrity::compare(&before.entries, &now.entries, &[]).changes, []);
}
