//! However a scan is ended: what it started ends, and its temporary folders go.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::started::{command, folder};

/// Whether something becomes so within ten seconds.
fn soon(so: impl Fn() -> bool) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        so()
    })
}

fn kill(signal: &str, process: &str) -> bool {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, process]).stderr(Stdio::null());
    kill.status().unwrap().success()
}

fn program(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_scan_that_is_ended_leaves_no_process_and_no_folder() {
    for signal in ["INT", "TERM", "HUP", "KILL", "ABRT"] {
        let scanned = folder(&[
            ("kustomization.yaml", "resources: [a.yaml]\n"),
            ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"),
        ]);
        let (bin, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = bin.path().join("processes");
        // It does not end by itself when it is asked to.
        let text =
            format!("trap '' INT TERM HUP\n/bin/sleep 600 & echo $! $$ >{}\nwait", file.display());
        program(bin.path(), "kustomize", &text);
        let mut command = command(scanned.path(), &["scan"]);
        command.env("PATH", bin.path()).env("TMPDIR", temporary.path());
        let mut scan = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = || fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'));
        assert!(soon(started), "{signal}");
        let entries = || fs::read_dir(temporary.path()).unwrap().count();
        assert_eq!(entries(), 1);
        assert!(kill(signal, &scan.id().to_string()));
        scan.wait().unwrap();
        let processes = fs::read_to_string(&file).unwrap();
        assert_eq!(processes.split_whitespace().count(), 2);
        for process in processes.split_whitespace() {
            assert!(soon(|| !kill("0", process)), "{signal}");
        }
        assert!(soon(|| entries() == 0), "{signal}");
    }
}

#[test]
fn no_program_is_started_from_a_folder_that_depends_on_where_we_are() {
    let scanned = folder(&[
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"),
        ("bin/x", ""),
    ]);
    let outside = tempfile::tempdir().unwrap();
    let (mark, bin) = (outside.path().join("started"), scanned.path().join("bin"));
    for path in [".", "", "bin", bin.to_str().unwrap()] {
        let text = format!("echo started >{}", mark.display());
        program(&scanned.path().join(path), "kustomize", &text);
        let mut command = command(scanned.path(), &["scan"]);
        command.env("PATH", format!("{path}:/nowhere")).output().unwrap();
        // A folder that is named in full is the same everywhere.
        assert_eq!(mark.exists(), Path::new(path).is_absolute(), "{path:?}");
    }
}

#[test]
fn a_named_pipe_as_configuration_hangs_nothing() {
    let scanned = folder(&[("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")]);
    let made = Command::new("mkfifo").arg(scanned.path().join(".pavisade.yaml")).status().unwrap();
    assert!(made.success());
    let mut scan = command(scanned.path(), &["scan"]);
    let mut scan = scan.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ended = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        scan.try_wait().unwrap().is_some()
    });
    assert!(ended);
    assert_eq!(scan.wait().unwrap().code(), Some(2));
}
