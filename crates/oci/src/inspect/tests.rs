//! Inspection of an image with several layers.

use std::fs;

use pavisade_packages::inventory::Options;
use pavisade_snapshot::Notable;
use serde_json::json;

use super::*;
use crate::testing::{Tar, header, seal};
use crate::{Limits, Platform, Store};

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEq7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5tQ3iKoSzDyNcBm7Hp0\n-----END RSA PRIVATE KEY-----\n";

/// Adds an entry with a mode.
fn with_mode(tar: Tar, path: &str, kind: u8, mode: u32) -> Tar {
    let mut block = header(path.as_bytes(), kind, 0);
    block[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    seal(&mut block);
    tar.block(&block)
}

/// Inspects a `docker save` archive with these layers.
fn found(user: impl Into<serde_json::Value>, layers: Vec<Tar>) -> Inspection {
    let user = user.into();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    let layers: Vec<_> = layers.into_iter().map(Tar::end).collect();
    let digests: Vec<_> = layers.iter().map(|layer| crate::Digest::of(layer).to_string()).collect();
    let names: Vec<_> = (0..layers.len()).map(|at| format!("{at}/layer.tar")).collect();
    let history: Vec<_> = names.iter().map(|name| json!({"created_by": name})).collect();
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"User": user}, "history": history,
        "rootfs": {"type": "layers", "diff_ids": digests},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": ["web:1"], "Layers": names}]);
    let mut tar = Tar::default()
        .file("config.json", config.to_string().as_bytes())
        .file("manifest.json", manifest.to_string().as_bytes());
    for (name, layer) in names.iter().zip(&layers) {
        tar = tar.file(name, layer);
    }
    fs::write(&file, tar.end()).unwrap();
    let store = Store::open(&file, Limits::default()).unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let candidate = store.candidates(&platform).unwrap().remove(0);
    let image = store.image(&candidate, &platform, false).unwrap();
    crate::inspect(&store, &image, Options::default()).unwrap().1
}

fn secrets(layers: Vec<Tar>) -> Vec<String> {
    let told = |secret: Secret| match secret.place {
        SecretPlace::File { path, layer, line, removed } => {
            let removed = if removed { " removed" } else { "" };
            format!("{path}:{line} in {}{removed}", layer.unwrap())
        }
        other => format!("{other:?}"),
    };
    found("", layers).secrets.into_iter().map(told).collect()
}

#[test]
fn secrets_of_every_layer_are_found_once_where_they_first_are() {
    let tar = || Tar::default().entry(b"etc/", b'5', b"");
    let with_key = || tar().file("app/key.pem", KEY.as_bytes());
    let none: [&str; 0] = [];
    assert_eq!(secrets(vec![with_key()]), ["app/key.pem:1 in 0"]);
    // Deleted by a whiteout, deleted with its directory, and replaced.
    for above in [
        tar().file("app/.wh.key.pem", b""),
        tar().file(".wh.app", b""),
        tar().file("app/.wh..wh..opq", b""),
        tar().file("app/key.pem", b"nothing any more"),
    ] {
        assert_eq!(secrets(vec![with_key(), above]), ["app/key.pem:1 in 0 removed"]);
    }
    // Copied up, as `chmod` does: the same secret, and it still exists.
    assert_eq!(secrets(vec![with_key(), with_key()]), ["app/key.pem:1 in 0"]);
    // Two secrets of the same type are counted separately.
    let twice = format!("a: 1\n{KEY}{KEY}");
    let two = tar().file("app/key.pem", twice.as_bytes());
    assert_eq!(secrets(vec![two]), ["app/key.pem:2 in 0", "app/key.pem:5 in 0"]);
    // A file that a distribution package installed holds no secret, but its configuration is
    // edited.
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    let list = "/.\n/opt/a/key.pem\n/etc/a/key.pem\n";
    let owned = tar()
        .file("var/lib/dpkg/status", status.as_bytes())
        .file("var/lib/dpkg/info/a.list", list.as_bytes())
        .file("opt/a/key.pem", KEY.as_bytes())
        .file("etc/a/key.pem", KEY.as_bytes());
    assert_eq!(secrets(vec![owned.clone()]), ["etc/a/key.pem:1 in 0"]);
    // Copied up unchanged, and changed by a later layer.
    let copied = tar().file("opt/a/key.pem", KEY.as_bytes());
    assert_eq!(secrets(vec![owned.clone(), copied]), ["etc/a/key.pem:1 in 0"]);
    // Another key in its place is a secret, even if the package's key is restored later.
    let own = KEY.replace("\nMIIE", "\nMIIF");
    let replaced = || tar().file("opt/a/key.pem", own.as_bytes());
    let expect = ["etc/a/key.pem:1 in 0", "opt/a/key.pem:1 in 1"];
    assert_eq!(secrets(vec![owned.clone(), replaced()]), expect);
    let copied = || tar().file("opt/a/key.pem", KEY.as_bytes());
    let expect_in_2 = ["etc/a/key.pem:1 in 0", "opt/a/key.pem:1 in 2"];
    assert_eq!(secrets(vec![owned.clone(), copied(), replaced()]), expect_in_2);
    // The same lines surrounded by others are not.
    let moved = tar().file("opt/a/key.pem", format!("# a\n{KEY}# b\n").as_bytes());
    assert_eq!(secrets(vec![owned.clone(), moved]), ["etc/a/key.pem:1 in 0"]);
    let changed = tar().file("opt/a/key.pem", b"password: hunter2\n");
    assert_eq!(secrets(vec![owned, changed]), ["etc/a/key.pem:1 in 0", "opt/a/key.pem:1 in 1"]);
    assert_eq!(secrets(vec![tar().file("app/key.pem", b"\0binary")]), none);
}

#[test]
fn files_that_matter_are_those_of_the_root_file_system() {
    let mut tar = Tar::default();
    for (path, kind, mode) in [
        ("bin/", b'5', 0o755),
        ("bin/su", b'0', 0o4755),
        ("bin/wall", b'0', 0o2755),
        // Not executable by anyone.
        ("bin/data", b'0', 0o4644),
        // Mandatory locking.
        ("bin/lock", b'0', 0o2705),
        ("tmp/", b'5', 0o1777),
        ("app/", b'5', 0o777),
        ("app/a", b'0', 0o666),
        ("app/b/", b'5', 0o777),
        ("app/b/c", b'0', 0o666),
        ("app.conf", b'0', 0o666),
        ("gone", b'0', 0o666),
        ("home/sh", b'0', 0o755),
        ("usr/local/bin/apk", b'0', 0o755),
    ] {
        tar = with_mode(tar, path, kind, mode);
    }
    // The mode of a link is ignored.
    tar = tar.link("bin/sh", b'2', "busybox").link("l", b'2', "app");
    let above = Tar::default().file(".wh.gone", b"");
    let found = found("", vec![tar, above]);
    let told = |why| -> Vec<String> {
        found.notable(why).map(|file| format!("{} {}", file.path, file.below)).collect()
    };
    assert_eq!(told(Notable::SetUser), ["bin/su 0"]);
    assert_eq!(told(Notable::SetGroup), ["bin/wall 0"]);
    assert_eq!(told(Notable::WorldWritable), ["app 3", "app.conf 0"]);
    assert_eq!(told(Notable::Shell), ["bin/sh 0"]);
    assert_eq!(told(Notable::PackageManager), ["usr/local/bin/apk 0"]);
    assert!(found.gaps.is_empty());
}

#[test]
fn the_user_is_looked_up_in_the_file_that_counts() {
    let passwd = |id: u32| {
        let text = format!("root:x:0:0::/:/bin/sh\napp:x:{id}:0::/:/bin/sh\n");
        Tar::default().file("etc/passwd", text.as_bytes())
    };
    let root = |user: &str, layers| found(user, layers).configuration.unwrap().runs_as_root();
    assert_eq!(root("app", vec![passwd(0), passwd(7)]), Some(false));
    assert_eq!(root("app", vec![passwd(7), passwd(0)]), Some(true));
    assert_eq!(root("nobody", vec![passwd(7)]), None);
    // Duplicate entries in one layer: the last one counts.
    let twice = |first: u32, last: u32| Tar([passwd(first).0, passwd(last).0].concat());
    assert_eq!(root("app", vec![twice(0, 7)]), Some(false));
    assert_eq!(root("app", vec![twice(7, 0)]), Some(true));
    assert_eq!(root("", vec![passwd(7)]), Some(true));
    // No runtime accepts a user that is not a string.
    let odd = found(1000, vec![passwd(7)]).configuration.unwrap();
    assert_eq!((odd.runs_as_root(), odd.odd), (None, vec!["User".to_owned()]));
}
