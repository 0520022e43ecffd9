//! `pavisade integrity image` as a user starts it.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::started::{Run, mounted, run};

fn document(found: &Run) -> Value {
    serde_json::from_str(&found.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", found.out, found.err))
}

#[test]
fn a_container_is_compared_with_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for root in ["image", "container"] {
        for (path, content) in [("etc/passwd", "root"), ("usr/bin/app", "app"), ("usr/lib/x", "x")]
        {
            let path = at(root).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        symlink("usr/bin", at(root).join("bin")).unwrap();
    }
    // Made by the runtime.
    fs::write(at("container/etc/hosts"), "").unwrap();
    fs::create_dir_all(at("container/proc")).unwrap();
    let check = |more: &[&str]| {
        let args = ["integrity", "image", "image", "--root", "container", "-f", "json"];
        run(folder.path(), &[&args[..], more].concat())
    };
    let same = check(&[]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert_eq!(document(&same)["summary"]["expected"], 2);
    assert_eq!(check(&["--strict"]).code, 1);
    fs::write(at("container/usr/bin/app"), "APP").unwrap();
    fs::write(at("container/tmp"), "dropped").unwrap();
    fs::remove_file(at("container/usr/lib/x")).unwrap();
    fs::remove_file(at("container/bin")).unwrap();
    symlink("tmp", at("container/bin")).unwrap();
    let drifted = check(&[]);
    assert_eq!(drifted.code, 1, "{}{}", drifted.out, drifted.err);
    let document = document(&drifted);
    let all: Vec<_> = document["changes"].as_array().unwrap().iter().collect();
    let of = |path: &str| all.iter().find(|one| one["path"] == path).map(|one| one["kind"].clone());
    for (path, kind) in [
        ("/usr/bin/app", "changed"),
        ("/tmp", "added"),
        ("/usr/lib/x", "removed"),
        ("/bin", "changed"),
    ] {
        assert_eq!(of(path), Some(kind.into()), "{path}");
    }
    // What is left out is compared on neither side.
    let excluded = check(&["--exclude", "/usr", "--exclude", "/tmp", "--exclude", "/b*"]);
    assert_eq!(excluded.code, 0, "{}", excluded.out);
}

#[test]
fn facts_about_containers_are_judged_by_scan_and_comply() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for path in ["image/usr/bin/app", "container/usr/bin/app"] {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), "app").unwrap();
    }
    fs::create_dir(at("container/proc")).unwrap();
    let facts = |name: &str, more: &[&str]| {
        let container = format!("shop/web-0/{name}");
        let args = ["integrity", "image", "image", "--root", "container", "--facts"];
        let of = ["--container", &container, "-o", "facts.json"];
        let made = run(folder.path(), &[&args[..], &of, more].concat());
        let text = fs::read_to_string(at("facts.json")).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}{}", made.err);
        (made.code, text)
    };
    let judged = |more: &[&str]| {
        let args = ["scan", "facts.json", "--check", "changed-container-file", "-f", "json"];
        let told = document(&run(folder.path(), &[&args[..], more].concat()));
        let all = told["findings"].as_array().unwrap().iter();
        all.map(|one| format!("{}: {}", one["state"], one["message"])).collect::<Vec<_>>()
    };
    let state = || {
        let args = ["comply", "-F", "nist-800-53r5", "-f", "json", "facts.json"];
        let told = document(&run(folder.path(), &args));
        let controls = told["frameworks"][0]["controls"].as_array().unwrap();
        controls.iter().find(|one| one["id"] == "SI-7").unwrap()["state"].clone()
    };
    assert_eq!(facts("app", &[]).0, 0);
    assert_eq!((judged(&[]), state()), (vec![], "holds-in-part".into()));
    // What was left out is not proven.
    assert_eq!(facts("app", &["--exclude", "/usr"]).0, 0);
    let left_out = judged(&[]);
    assert!(
        left_out.iter().any(|one| one.contains("left out of the comparison: /usr")),
        "{left_out:?}"
    );
    assert_eq!(state(), "unknown");
    fs::write(at("container/usr/bin/app"), "evil").unwrap();
    let (code, changed) = facts("app", &[]);
    assert_eq!((code, state()), (1, "fails".into()));
    let found = judged(&[]);
    assert!(found.len() == 1 && found[0].contains("`/usr/bin/app` was changed"), "{found:?}");
    // The latest facts about each container apply, in any order.
    fs::remove_file(at("container/usr/bin/app")).unwrap();
    fs::copy(at("image/usr/bin/app"), at("container/usr/bin/app")).unwrap();
    let (_, same) = facts("app", &[]);
    let (_, other) = facts("other", &[]);
    for order in [[&changed, &other, &same], [&same, &changed, &other]] {
        fs::write(at("log"), order.map(String::as_str).concat()).unwrap();
        let joined = run(folder.path(), &["node", "collect", "log"]);
        assert!(joined.err.contains("facts of 0 nodes and 2 containers"), "{}", joined.err);
        fs::write(at("facts.json"), joined.out).unwrap();
        assert_eq!(judged(&[]), [""; 0]);
    }
    fs::write(at("log"), &other).unwrap();
    let joined = run(folder.path(), &["node", "collect", "log"]);
    assert!(joined.err.contains("0 nodes and 1 container\n"), "{}", joined.err);
    let args = ["integrity", "image", "image", "--root", "container", "--facts"];
    let unnamed = run(folder.path(), &args);
    assert!(unnamed.code == 2 && unnamed.err.contains("--container"), "{}", unnamed.err);
}

/// A volume over a directory of programs would otherwise be as good as the image.
#[test]
fn what_is_mounted_over_the_image_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for root in ["image", "container"] {
        for (path, content) in [
            ("usr/bin/app", "app"),
            ("usr/bin/more/tool", "tool"),
            ("usr/bin-more", "x"),
            ("etc/hosts", ""),
        ] {
            let path = at(root).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        for empty in ["cache", "proc", "usr/lib/empty"] {
            fs::create_dir_all(at(root).join(empty)).unwrap();
        }
    }
    let script = |places: &str| {
        format!(
            "set -e; cd container
            for place in {places}; do
                if [ -d $place ]; then mount -t tmpfs none $place; echo evil >$place/app
                else echo evil >../evil; mount --bind ../evil $place; fi
            done; cd ..
            \"$0\" integrity image image --root container --facts --container shop/web-0/app"
        )
    };
    for (places, expect) in [
        // A volume beside the files of the image, and what every runtime mounts.
        ("cache usr/lib/empty etc/hosts proc", &[][..]),
        ("usr/bin cache", &["/usr/bin"]),
        ("usr/bin/app", &["/usr/bin/app"]),
        ("usr", &["/usr"]),
    ] {
        let Some(done) = mounted(folder.path(), &script(places)) else {
            return println!("skipped: no user may mount here");
        };
        assert_eq!(done.code, 0, "{places}: {}{}", done.out, done.err);
        let facts = document(&done);
        assert_eq!(facts["mounted"], json!(expect), "{places}: {facts}");
        fs::write(at("facts.json"), &done.out).unwrap();
        let args = ["scan", "facts.json", "--check", "changed-container-file", "-f", "json"];
        let told = document(&run(folder.path(), &args));
        let states: Vec<_> =
            told["findings"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, vec!["unknown"; expect.len()], "{places}: {told}");
    }
}
