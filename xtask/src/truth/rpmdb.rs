//! `rpmdb`: rpm databases in SQLite, NDB and Berkeley DB.
//!
//! The suite has no verdicts. The list of packages is compared with that of go-rpmdb 0.1.1, as a
//! digest, and with `rpm -qa` if rpm is installed and supports the format (Debian's does not
//! support NDB).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use pavisade_packages::{Package, Reader};
use sha2::{Digest as _, Sha256};

use super::Outcome;
use crate::shared::{files, hex16};

/// The number of packages that go-rpmdb lists, and the start of the digest of their sorted lines.
const KNOWN: [(&str, usize, &str); 3] = [
    ("cbl-mariner-2.0/rpmdb.sqlite", 129, "d9181f1be95411f6"),
    ("libuuid/Packages", 1, "5bad2a5ba5be6ab5"),
    ("sle15-bci/Packages.db", 35, "650340c66aa1463e"),
];

/// The rpm backend of a file.
const BACKENDS: [(&str, &str); 3] =
    [("rpmdb.sqlite", "sqlite"), ("Packages.db", "ndb"), ("Packages", "bdb_ro")];

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let all = files_of(folder)?;
    for file in &all {
        let bytes = fs::read(folder.join(file))?;
        let contents = Reader::Rpm.read(&bytes);
        let mut lines: Vec<_> = contents.packages.iter().map(line).collect();
        lines.sort();
        let known = KNOWN.iter().find(|(end, ..)| file.ends_with(end));
        if let Some((_, count, digest)) = known {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let got = hex16(&Sha256::digest(text.as_bytes()));
            let agreed = lines.len() == *count && got == *digest && contents.problems.is_empty();
            outcome.count(agreed, || {
                let found = lines.len();
                format!("{file}: {count} packages ({digest}) by go-rpmdb, {found} ({got}) by us")
            });
        }
        match of_rpm(&bytes, file)? {
            Some(theirs) => outcome.count(theirs == lines, || {
                let missing: Vec<_> = theirs.iter().filter(|line| !lines.contains(line)).collect();
                let more: Vec<_> = lines.iter().filter(|line| !theirs.contains(line)).collect();
                format!("{file}: beside rpm\n  missing {missing:?}\n  more    {more:?}")
            }),
            None => {
                println!("{file}: not compared with rpm, which does not read it here");
                outcome.left_out += 1;
            }
        }
    }
    Ok(outcome)
}

/// Databases have no extension, or their own.
fn files_of(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut all = files(folder, &["sqlite", "db"])?;
    for (name, ..) in KNOWN {
        let path = format!("pkg/testdata/{name}");
        if name.ends_with("/Packages") && folder.join(&path).is_file() {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn line(package: &Package) -> String {
    format!("{} {} {}", package.name, package.version, package.architecture)
}

/// Returns what rpm lists for a copy of the database; `None` if it cannot.
fn of_rpm(bytes: &[u8], file: &str) -> anyhow::Result<Option<Vec<String>>> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let Some((_, backend)) = BACKENDS.iter().find(|(known, _)| *known == name) else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(name), bytes)?;
    const FORM: &str = "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH}\n";
    let output = Command::new("rpm")
        .args(["--define", &format!("_db_backend {backend}"), "--dbpath"])
        .arg(folder.path())
        .args(["-qa", "--qf", FORM])
        .output();
    let Ok(output) = output else { return Ok(None) };
    let text = String::from_utf8(output.stdout).context("reading what rpm prints")?;
    // A missing epoch is 0, and a key has no architecture.
    let line = |line: &str| {
        let line = line.replace(" 0:", " ");
        line.strip_suffix("(none)").map_or_else(|| line.clone(), str::to_owned)
    };
    let mut lines: Vec<_> = text.lines().map(line).collect();
    lines.sort();
    Ok((output.status.success() && !lines.is_empty()).then_some(lines))
}
