//! A baseline that cannot be written completely stays as it was.

use std::fs;
use std::process::Stdio;

use super::{baseline, node, sign, verify};
use crate::started::{command, mounted, run};

/// `PAVISADE_BASELINE_KILLS` sets the number of runs: 200 is a full run.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the count of a full run comes from `cargo xtask soak`, and how long a run takes says when \
              to kill it"
)]
fn a_killed_run_leaves_a_whole_baseline() {
    let full = std::env::var("PAVISADE_BASELINE_KILLS").ok().map(|n| n.parse().unwrap());
    let runs: u32 = full.unwrap_or(20);
    let folder = node();
    // Enough files that writing takes some time.
    let many = folder.path().join("root/etc/cron.d");
    fs::create_dir_all(&many).unwrap();
    for number in 0..2000 {
        fs::write(many.join(format!("job-{number}")), number.to_string()).unwrap();
    }
    baseline(folder.path());
    let old = fs::read(folder.path().join("b")).unwrap();
    fs::write(many.join("new"), "x").unwrap();
    let adding = || {
        let args = ["integrity", "baseline", "--append", "b", "--root", "root", "--quiet"];
        let mut command =
            command(folder.path(), &[&args[..], &["--public-key", "team.pub"]].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let started = std::time::Instant::now();
    assert!(adding().status().unwrap().success());
    let whole = started.elapsed();
    let (mut killed, mut written) = (0, 0);
    for round in 0..runs {
        fs::write(folder.path().join("b"), &old).unwrap();
        let mut child = adding().spawn().unwrap();
        // The file is replaced at the end.
        std::thread::sleep(whole * (runs / 4 + round) / (runs + runs / 4));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        let now = fs::read(folder.path().join("b")).unwrap();
        assert!(now.starts_with(&old), "round {round}");
        written += u32::from(now.len() > old.len());
        let shown = run(folder.path(), &["integrity", "show", "b"]);
        assert_eq!(shown.code, 0, "round {round}: {}", shown.err);
    }
    println!("{killed} of {runs} runs were killed; {written} had written their version");
    assert!(killed * 2 > runs, "most runs ended before they were killed");
    if runs >= 200 {
        assert!(written > 0 && written < runs, "{written} of {runs}");
    }
    // What they left behind is removed by the next run.
    fs::write(folder.path().join("b"), &old).unwrap();
    assert!(adding().status().unwrap().success());
    let names = fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().starts_with(".pavisade-"));
    assert_eq!(left.count(), 0);
    assert_eq!(verify(folder.path(), &[]).code, 2, "the new version is not signed");
    sign(folder.path());
    assert_eq!(verify(folder.path(), &[]).code, 0);
}

#[test]
fn a_full_disk_leaves_the_baseline_as_it_was() {
    let folder = node();
    // Several hundred kilobytes.
    let many = folder.path().join("root/etc/cron.d");
    fs::create_dir_all(&many).unwrap();
    for number in 0..1000 {
        fs::write(many.join(format!("job-{number}")), number.to_string()).unwrap();
    }
    baseline(folder.path());
    let old = fs::read(folder.path().join("b")).unwrap();
    fs::write(many.join("new"), "x").unwrap();
    let size = old.len().div_ceil(1024);
    // Room for nothing beside it, and for half of a copy.
    for halves in [2, 3] {
        let size = size * halves / 2 + 8;
        let script = format!(
            "set -e; mkdir -p small; mount -t tmpfs -o size={size}k none small; cp b small/b
            set +e; append=\"integrity baseline --append small/b --root root --public-key team.pub\"
            \"$0\" $append; code=$?
            cp small/b after; ls -A small >names
            mount -o remount,size=100m small && \"$0\" $append 2>later || exit 90
            cp small/b later; umount small; exit $code"
        );
        let Some(done) = mounted(folder.path(), &script) else {
            return println!("skipped: no user may mount here");
        };
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(done.code, 2, "{halves}: {}", done.err);
        assert!(done.err.contains("No space left on device"), "{halves}: {}", done.err);
        assert!(read("after") == old, "{halves}: not what it was");
        assert_eq!(read("names"), b"b\n", "{halves}");
        let later = read("later");
        assert!(later.starts_with(&old) && later.len() > old.len(), "{halves}");
    }
}
