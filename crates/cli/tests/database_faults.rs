//! What may happen to a database while it is replaced: a full disk, an end at any moment.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "how long a run takes says when to end it")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::started::{command, mounted, run};

/// Runs that are ended.
const ENDS: u32 = 30;

/// A database of some hundred kilobytes, whose newest advisory is of this day.
fn made(folder: &Path, name: &str, day: &str) -> Vec<u8> {
    let record = |nth: u32| {
        let title = format!("{nth} {}", "it runs what it is sent, ".repeat(7));
        format!(
            r#"{{"id":"GHSA-{nth}","modified":"{day}T00:00:00Z","summary":"{title}","affected":[{{"package":{{"ecosystem":"npm","name":"p{nth}"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}}]}}]}}]}}"#
        )
    };
    let records: Vec<_> = (0..1_500).map(record).collect();
    fs::write(folder.join("records.jsonl"), records.join("\n")).unwrap();
    let built = run(folder, &["db", "build", "records.jsonl", "-q", "-o", name]);
    assert_eq!(built.code, 0, "{}", built.err);
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_full_disk_leaves_the_database_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let old = made(folder.path(), "old.db", "2026-01-01");
    let new = made(folder.path(), "new.db", "2026-02-01");
    let kilobytes = old.len().div_ceil(1024);
    // Room for nothing beside it, for half of a copy, for the copy and half of the new one.
    for (halves, previous) in [(2, false), (3, false), (5, true)] {
        let size = kilobytes * halves / 2 + 8;
        let script = format!(
            "set -e; mkdir -p small; mount -t tmpfs -o size={size}k none small; cp old.db small/v.db
            set +e; \"$0\" db import new.db --db small/v.db; code=$?
            cp small/v.db after.db; ls -A small >names; rm -f previous.db
            cp small/v.db.previous previous.db 2>/dev/null
            mount -o remount,size=100m small && \"$0\" db import new.db --db small/v.db 2>later || exit 90
            cp small/v.db later.db; umount small; exit $code"
        );
        let Some(done) = mounted(folder.path(), &script) else { return };
        let read = |name: &str| fs::read(folder.path().join(name));
        assert_eq!(done.code, 2, "{halves}: {}", done.err);
        assert!(done.err.contains("No space left on device"), "{halves}: {}", done.err);
        assert!(read("after.db").unwrap() == old, "{halves}: not what it was");
        assert_eq!(read("previous.db").is_ok_and(|bytes| bytes == old), previous, "{halves}");
        let names = fs::read_to_string(folder.path().join("names")).unwrap();
        let wanted = if previous { "v.db\nv.db.previous\n" } else { "v.db\n" };
        assert_eq!(names, wanted, "{halves}");
        // With room it goes on as if nothing had been.
        assert!(read("later.db").unwrap() == new, "{halves}: not the new one");
    }
}

#[test]
fn a_run_that_is_ended_leaves_a_whole_database() {
    let folder = tempfile::tempdir().unwrap();
    let old = made(folder.path(), "old.db", "2026-01-01");
    let new = made(folder.path(), "new.db", "2026-02-01");
    let at = |name: &str| folder.path().join(name);
    let import = || {
        let mut command = command(folder.path(), &["db", "import", "new.db", "--db", "v.db"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let reset = || {
        let _ = fs::remove_file(at("v.db.previous"));
        fs::write(at("v.db"), &old).unwrap();
    };
    reset();
    let start = Instant::now();
    assert!(import().status().unwrap().success());
    let whole = start.elapsed();
    let mut killed = 0;
    for nth in 0..ENDS {
        reset();
        let mut child = import().spawn().unwrap();
        // The swap is in the last part of a run.
        let part = whole * (ENDS / 3 + nth) / (ENDS + ENDS / 3);
        thread::sleep(part.max(Duration::from_micros(100)));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        let found = fs::read(at("v.db")).unwrap();
        assert!(found == old || found == new, "{nth}: neither the old one nor the new one");
        if let Ok(previous) = fs::read(at("v.db.previous")) {
            assert!(previous == old, "{nth}: not the one before");
        } else {
            assert!(found == old, "{nth}: the old one is lost");
        }
    }
    assert!(killed > 0, "no run was ended before its end");
    // What they left behind is removed, and nothing else is there.
    reset();
    assert!(import().status().unwrap().success());
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["new.db", "old.db", "records.jsonl", "v.db", "v.db.previous"]);
}
