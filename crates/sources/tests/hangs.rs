//! Files that block or have no end are not opened.
#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::common::{Seen, link, object, pipe, run, scan, script, tree, with_tools};
use pavisade_model::NoteKind;
use pavisade_sources::{Request, Tools};

/// Scans with a timeout.
fn in_time(folder: &Path) -> Seen {
    let (send, receive) = mpsc::channel();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        let bin = tempfile::tempdir().unwrap();
        let [helm, kustomize] = ["helm", "kustomize"]
            .map(|name| Some(script(bin.path(), name, "cat $2/* $2/*/* >/dev/null; echo started")));
        let tools = Tools { helm, kustomize, ..Tools::default() };
        let _ = send.send(run(&folder, &with_tools(&folder, tools)));
    });
    receive.recv_timeout(Duration::from_secs(30)).unwrap()
}

const NAMES: [&str; 13] = [
    ".gitignore",
    ".ignore",
    ".pavisadeignore",
    ".git/info/exclude",
    "kustomization.yaml",
    "Kustomization",
    "pod.yaml",
    "Chart.yaml",
    "c/values.yaml",
    "c/requirements.yaml",
    "c/charts/b/Chart.yaml",
    "c/templates/x.yaml",
    "k/kustomization.yml",
];

fn around() -> tempfile::TempDir {
    tree(&[
        ("web.yaml", &object("Service", "web")),
        ("c/Chart.yaml", "name: c\nversion: 1.0.0\ndependencies: [{name: b}]\n"),
        ("k/kustomization.yaml", "resources: [x.yaml]\n"),
        ("k/x.yaml", &object("Service", "x")),
    ])
}

#[test]
fn a_named_pipe_hangs_no_scan_of_a_folder() {
    for name in NAMES {
        let folder = around();
        pipe(&folder.path().join(name));
        let seen = in_time(folder.path());
        assert!(seen.objects().contains(&"Service web"), "{name}");
    }
    let folder = around();
    NAMES.iter().for_each(|name| pipe(&folder.path().join(name)));
    let seen = in_time(folder.path());
    assert_eq!(seen.objects(), ["Service web", "Service x"]);
    assert_eq!(seen.notes.iter().filter(|n| n.2.contains("this ignore file")).count(), 4);
    let pod = seen.notes.iter().find(|n| n.1 == "@/pod.yaml").unwrap();
    assert_eq!((pod.0, pod.2.contains("not a regular file")), (NoteKind::Unread, true));
}

#[test]
fn what_a_kustomization_names_and_is_no_file_hangs_no_scan() {
    for way in ["resources: [p]", "patches: [{path: p}]", "generators: [p]"] {
        let folder = tree(&[("kustomization.yaml", &format!("{way}\n"))]);
        pipe(&folder.path().join("p"));
        let seen = in_time(folder.path());
        assert_eq!(seen.notes.iter().filter(|n| n.0 == NoteKind::Unread).count(), 1, "{way}");
        assert!(seen.objects().is_empty());
    }
}

#[test]
fn generators_that_are_named_many_times_are_searched_once() {
    let all = (0..2000).map(|at| format!("- f{at}.yaml\n")).collect::<String>();
    let names = |name: &str, count: usize| {
        (0..count).map(|at| format!("- {}{name}\n", "./".repeat(at % 9))).collect::<String>()
    };
    let generators = format!("generators:\n{}", names("../gen", 3000));
    let files = format!("transformers:\n{}", names("../gen/large.yaml", 300));
    let large = "a: https://x.example.com/y\n".to_owned() + &"# comment\n".repeat(200_000);
    let folder = tree(&[
        ("gen/kustomization.yaml", &format!("resources:\n{all}")),
        ("gen/large.yaml", &large),
        ("a/kustomization.yaml", &generators),
        ("b/kustomization.yaml", &generators),
        ("c/kustomization.yaml", &files),
    ]);
    for at in 0..2000 {
        crate::common::put(folder.path(), &format!("gen/f{at}.yaml"), b"a: 1\n");
    }
    let seen = in_time(folder.path());
    assert_eq!(seen.note("https://x.example.com/y").1, "@/c/kustomization.yaml");
}

#[test]
fn folders_that_are_named_many_times_take_no_memory_for_all_files_below() {
    let names = "- .\n".repeat(20_000);
    let folder = tree(&[("kustomization.yaml", &format!("configurations:\n{names}"))]);
    for at in 0..2000 {
        crate::common::put(folder.path(), &format!("f{at}.yaml"), b"a: 1\n");
    }
    in_time(folder.path());
}

#[test]
fn a_device_hangs_no_scan_of_a_folder() {
    for device in ["/dev/zero", "/dev/stdin", "/dev/tty"] {
        let folder = around();
        for name in NAMES {
            link(device, &folder.path().join(name));
        }
        let socket = folder.path().join("socket.yaml");
        let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        let seen = in_time(folder.path());
        assert_eq!(seen.objects(), ["Service web", "Service x"], "{device}");
        assert_eq!(seen.note("not a regular file; it was not opened").1, "@/socket.yaml");
    }
}

#[test]
fn a_named_pipe_that_the_user_names_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    pipe(&path);
    let writer = path.clone();
    let thread = std::thread::spawn(move || fs::write(writer, object("Service", "web")).unwrap());
    assert_eq!(run(folder.path(), &Request::new([&path])).objects(), ["Service web"]);
    thread.join().unwrap();
}

#[test]
fn an_ignore_file_that_is_too_large_is_not_applied() {
    let service = object("Service", "web");
    let lines = |count: usize| {
        (0..count).fold(String::from("*.yaml\n"), |mut all, line| {
            writeln!(all, "a{line}*b").unwrap();
            all
        })
    };
    for name in [".gitignore", ".ignore", ".pavisadeignore", ".git/info/exclude"] {
        let text = format!("*.yaml\n{}", "# a comment\n".repeat(20_000));
        let folder = tree(&[("a.yaml", &service), (name, &text)]);
        let seen = scan(folder.path());
        assert_eq!(seen.objects(), ["Service web"], "{name}");
        assert_eq!(seen.note("larger than 128 KiB").0, NoteKind::Warning);
        let folder = tree(&[("a.yaml", &service), (name, &lines(4000))]);
        let seen = scan(folder.path());
        assert_eq!(seen.objects(), ["Service web"], "{name}");
        assert_eq!(seen.note("more than 4000 patterns").0, NoteKind::Warning);
    }
    let folder = tree(&[("a.yaml", &service), (".gitignore", &lines(3999))]);
    assert!(scan(folder.path()).objects().is_empty());
}

#[test]
fn many_ignore_files_are_not_applied_together() {
    let text = (0..4000).map(|line| format!("*.{line}\n")).collect::<String>();
    let folder = tree(&[("a.yaml", &object("Service", "web")), (".ignore", "a.yaml\n")]);
    for place in 0..13 {
        crate::common::put(folder.path(), &format!("{place}/.gitignore"), text.as_bytes());
    }
    let seen = scan(folder.path());
    assert_eq!(seen.note("more than 50000 wildcards"), (NoteKind::Warning, "@"));
    assert_eq!(seen.objects(), ["Service web"]);
}
