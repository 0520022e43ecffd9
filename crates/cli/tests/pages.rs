//! The examples of docs/configuration.md and docs/exceptions.md are what happens.
//!
//! A fenced block `yaml file=NAME` is a file; in a block `console` each line that begins with `$` is
//! a command, and each line below it stands in what that prints.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pavisade_scan::Timestamp;

/// The first day of next year: dates of the pages must not end with them.
fn until() -> String {
    let year: i32 = Timestamp::now().to_string()[..4].parse().unwrap();
    format!("{}-01-01", year + 1)
}

fn page(name: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = fs::read_to_string(page).unwrap().replace("2027-01-31", &until());
    let folder = tempfile::tempdir().unwrap();
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
    assert!(commands > 2, "{name}");
}

#[test]
fn configuration() {
    page("configuration.md");
}

#[test]
fn exceptions() {
    page("exceptions.md");
}
