//! The examples of pages in docs/ are what happens.
//!
//! A fenced block `yaml file=NAME` is a file; in a block `console` each line that begins with `$` is
//! a command, and each line below it stands in what that prints, but for a lone `…`. Commands may
//! speak of `examples/shop`, and of `shop`, a copy of it. What getting-started.md has in blocks `sh`
//! is run line by line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pavisade_scan::Timestamp;

/// The first day of next year: dates of the pages must not end with them.
fn until() -> String {
    let year: i32 = Timestamp::now().to_string()[..4].parse().unwrap();
    format!("{}-01-01", year + 1)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn page(name: &str, wanted: usize) {
    let text = text(name).replace("2027-01-31", &until());
    let folder = tempfile::tempdir().unwrap();
    for shop in ["examples/shop", "shop"].into_iter().filter(|shop| text.contains(shop)) {
        copy(&root().join("examples/shop"), &folder.path().join(shop));
    }
    let (mut last, mut commands) = (0, 0);
    let mut blocks = text.split("\n```");
    blocks.next();
    while let (Some(block), _) = (blocks.next(), blocks.next()) {
        let (info, body) = block.split_once('\n').unwrap();
        if let Some(file) = info.strip_prefix("yaml file=") {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{body}\n")).unwrap();
            continue;
        }
        if info != "console" {
            continue;
        }
        let mut printed = String::new();
        for line in body.lines() {
            if line == "…" {
                continue;
            }
            let Some(command) = line.strip_prefix("$ ") else {
                assert!(printed.contains(line.trim()), "{name}: {line:?} is not in\n{printed}");
                continue;
            };
            commands += 1;
            if command == "echo $?" {
                printed = last.to_string();
                continue;
            }
            let words: Vec<_> = command.split(' ').collect();
            assert_eq!(words[0], "pavisade");
            let done = Command::new(env!("CARGO_BIN_EXE_pavisade"))
                .args(&words[1..])
                .current_dir(folder.path())
                .env_clear()
                .env("PATH", "/nowhere")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            last = done.status.code().unwrap();
            let (out, err) = (done.stdout, done.stderr);
            printed = String::from_utf8([out, err].concat()).unwrap();
        }
    }
    assert!(commands >= wanted, "{name}: {commands} commands");
}

#[test]
fn configuration() {
    page("configuration.md", 3);
}

#[test]
fn exceptions() {
    page("exceptions.md", 3);
}

#[test]
fn compliance() {
    page("compliance.md", 1);
}

#[test]
fn getting_started() {
    page("getting-started.md", 1);
}

#[test]
fn getting_started_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("examples"), &folder.path().join("examples"));
    let program = Path::new(env!("CARGO_BIN_EXE_pavisade")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let text = text("getting-started.md");
    let mut in_block = false;
    let mut ran = 0;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
            continue;
        }
        // These need a cluster, build the program, or write outside of the folder.
        let away = ["make ", "cargo ", "--cluster", "snapshot save", "deploy/", "> /"];
        if !in_block || line.is_empty() || away.iter().any(|word| line.contains(word)) {
            continue;
        }
        let done = Command::new("/bin/sh")
            .args(["-c", line])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        // Findings are no failure here; wrong usage and what cannot be read are.
        assert!(matches!(done.status.code(), Some(0 | 1)), "{line}\n{said}");
        ran += 1;
    }
    assert!(ran > 12, "{ran}");
    assert!(folder.path().join("report.html").is_file());
}
