//! Files that the program writes: whole or as they were, and never somebody else's.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "how long a run takes says when to disturb it")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::started::{command, finish, folder, mounted, run};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: x}\n";

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_result_replaces_a_link_and_not_what_it_leads_to() {
    let folder = folder(&[("repository/pod.yaml", POD), ("precious", "precious")]);
    let repository = folder.path().join("repository");
    for (link, target) in [
        ("pavisade.sarif", "../precious"),
        ("dangling.sarif", "../not-there"),
        ("also.json", "../precious"),
    ] {
        symlink(target, repository.join(link)).unwrap();
    }
    let args = ["scan", "pod.yaml", "-f", "sarif", "-o"];
    for (file, more) in [("pavisade.sarif", "json=also.json"), ("dangling.sarif", "csv=c.csv")] {
        let done = run(&repository, &[&args[..], &[file, "--also", more]].concat());
        assert_eq!(done.code, 1, "{}", done.err);
        assert!(fs::symlink_metadata(repository.join(file)).unwrap().is_file());
        assert!(fs::read_to_string(repository.join(file)).unwrap().contains("PV-"));
    }
    assert_eq!(fs::read_to_string(folder.path().join("precious")).unwrap(), "precious");
    assert_eq!(names(folder.path()), ["precious", "repository"]);
    let all = ["also.json", "c.csv", "dangling.sarif", "pavisade.sarif", "pod.yaml"];
    assert_eq!(names(&repository), all);
}

#[test]
fn a_result_keeps_the_permissions_of_the_file_that_it_replaces() {
    let folder = folder(&[("pod.yaml", POD), ("old.json", "old")]);
    let old = folder.path().join("old.json");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).unwrap();
    run(folder.path(), &["scan", "-f", "json", "-o", "old.json", "--also", "csv=new.csv"]);
    let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("old.json"), 0o640);
    // Others may read a new one, as they may read what the shell makes.
    File::create(folder.path().join("by-us")).unwrap();
    assert_eq!(mode("new.csv"), mode("by-us"));
}

#[test]
fn pipes_and_devices_are_written_to() {
    let folder = folder(&[("pod.yaml", POD), ("log", "before\n")]);
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = {
        let fifo = fifo.clone();
        std::thread::spawn(move || fs::read_to_string(fifo).unwrap())
    };
    let done = run(folder.path(), &["scan", "pod.yaml", "-f", "csv", "-o", "fifo"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(reader.join().unwrap().contains("PV-"));
    assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());

    let args = ["scan", "pod.yaml", "-f", "csv", "-o", "/dev/stdout"];
    assert!(run(folder.path(), &args).out.contains("PV-"));
    // `>>`: what is there stays.
    let log = OpenOptions::new().append(true).open(folder.path().join("log")).unwrap();
    finish(command(folder.path(), &args).stdout(log).output().unwrap());
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.starts_with("before\n") && log.contains("PV-"), "{log}");
    let none = run(folder.path(), &["scan", "pod.yaml", "-o", "/dev/null"]);
    assert_eq!(none.code, 1, "{}", none.err);
}

#[test]
fn a_full_disk_leaves_the_last_result() {
    let folder = folder(&[("pod.yaml", POD), ("old.json", "old")]);
    // A limit on the size of files is what a full disk looks like to a writer.
    let program = env!("CARGO_BIN_EXE_pavisade");
    let script =
        format!("trap '' XFSZ; ulimit -f 1; exec {program} scan pod.yaml -f json -o old.json");
    let mut shell = Command::new("bash");
    let done = shell.args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let done = finish(done);
    assert_eq!(done.code, 2, "{}", done.err);
    assert_eq!(fs::read_to_string(folder.path().join("old.json")).unwrap(), "old");
    assert_eq!(names(folder.path()), ["old.json", "pod.yaml"]);
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_others_write_is_not() {
    let folder = folder(&[
        ("pod.yaml", POD),
        (".pavisade-abc123.tmp", "left"),
        (".pavisade-live00.tmp", "written by another run"),
        (".pavisade-notes.tmp.txt", "somebody's own"),
        (".pavisade.yaml", "fail-on: high\n"),
    ]);
    let live = File::open(folder.path().join(".pavisade-live00.tmp")).unwrap();
    live.lock().unwrap();
    for args in
        [&["fix", "--check", "PV-C007", "pod.yaml"][..], &["scan", "-f", "json", "-o", "out.json"]]
    {
        run(folder.path(), args);
        let names = names(folder.path());
        assert!(!names.contains(&".pavisade-abc123.tmp".to_owned()), "{names:?}");
        assert!(names.contains(&".pavisade-live00.tmp".to_owned()), "{names:?}");
        assert!(names.contains(&".pavisade-notes.tmp.txt".to_owned()), "{names:?}");
        fs::write(folder.path().join(".pavisade-abc123.tmp"), "left").unwrap();
    }
}

#[test]
fn what_somebody_changes_during_a_fix_stays() {
    let pods: String =
        (0..400).map(|n| POD.replace("name: p", &format!("name: p{n}")) + "---\n").collect();
    let mut refused = 0;
    let args = ["fix", "-q", "--check", "PV-C007", "pods.yaml"];
    let start = Instant::now();
    run(folder(&[("pods.yaml", &pods)]).path(), &args);
    let whole = start.elapsed();
    for wait in 0..12 {
        let folder = folder(&[("pods.yaml", &pods)]);
        let file = folder.path().join("pods.yaml");
        let mut child = command(folder.path(), &args);
        let child = child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let child = child.spawn().unwrap();
        while start.elapsed() < whole * wait / 12 {
            std::thread::sleep(Duration::from_millis(1));
        }
        // As `echo >> pods.yaml`: read, changed and written by somebody who knows nothing of us.
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"# mine\n").unwrap();
        let ended = child.wait_with_output().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.ends_with("# mine\n"), "{wait}: the edit is lost");
        if ended.status.code() == Some(2) {
            refused += 1;
            let err = String::from_utf8(ended.stderr).unwrap();
            assert!(err.contains("the file was changed by another process"), "{err}");
            assert!(!text.contains("allowPrivilegeEscalation"), "{wait}");
        }
    }
    assert!(refused > 0, "no edit was made in between");
}

#[test]
fn a_fix_keeps_attributes_and_follows_no_link_out_of_its_folder() {
    let folder =
        folder(&[("in/pod.yaml", POD), ("out/pod.yaml", &POD.replace("name: p", "name: o"))]);
    let inside = folder.path().join("in");
    symlink("../out/pod.yaml", inside.join("link.yaml")).unwrap();
    let file = File::open(inside.join("pod.yaml")).unwrap();
    // Some file systems have no attributes.
    let flags = rustix::fs::XattrFlags::empty();
    let has = rustix::fs::fsetxattr(&file, "user.note", b"kept", flags).is_ok();
    let done = run(folder.path(), &["fix", "--check", "PV-C007", "in"]);
    assert!(
        fs::read_to_string(inside.join("pod.yaml")).unwrap().contains("allowPrivilegeEscalation")
    );
    let out = fs::read_to_string(folder.path().join("out/pod.yaml")).unwrap();
    assert!(!out.contains("allowPrivilegeEscalation"), "{out}");
    if has {
        let file = File::open(inside.join("pod.yaml")).unwrap();
        let mut value = [0; 8];
        let length = rustix::fs::fgetxattr(&file, "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
    assert!(done.err.contains("link.yaml: a link to a location outside"), "{}", done.err);
}

/// Containers get single files as mounts, whose names cannot lead to another file.
#[test]
fn a_mounted_result_is_written_in_place() {
    let folder = folder(&[("pod.yaml", POD), ("out.json", &"old".repeat(1 << 20))]);
    let args = "mount --bind out.json out.json && exec \"$0\" scan pod.yaml -f json -o out.json";
    let Some(done) = mounted(folder.path(), args) else { return };
    assert_eq!(done.code, 1, "{}", done.err);
    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    assert_eq!(names(folder.path()), ["out.json", "pod.yaml"]);
}

/// Others may write to this file and may not replace it: in the baseline anything is read.
#[test]
fn a_file_that_its_folder_keeps_is_refused_before_the_scan() {
    let folder = folder(&[("in/pod.yaml", POD), ("sticky/out.json", "old")]);
    let (at, sticky) = (|name: &str| folder.path().join(name), folder.path().join("sticky"));
    for (name, mode) in [("", 0o755), ("sticky", 0o1777), ("sticky/out.json", 0o666)] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut scan = command(&sticky, &["scan", "../in/pod.yaml", "-f", "json", "-o", "out.json"]);
    // Only the administrator can become another user.
    let Ok(done) = scan.uid(65534).gid(65534).output() else { return };
    let done = finish(done);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("only its owner can replace it"), "{}", done.err);
    assert_eq!(fs::read_to_string(at("sticky/out.json")).unwrap(), "old");
}
