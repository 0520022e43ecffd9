//! File integrity: a baseline and a comparison of a tree from the page cache, compared with the speed of
//! the hash itself and with AIDE (package `aide` of Debian).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pavisade_files::{Hasher, hash_file};
use pavisade_integrity::Algorithm;
use serde_json::Value;

use super::{Cost, mb, measure, median, release_binary};

/// What the tree is a copy of.
const FROM: [&str; 2] = ["/usr/bin", "/usr/sbin"];
/// Runs of which the median counts.
const RUNS: usize = 5;

pub(super) fn run(program: Option<&Path>, peer: bool) -> anyhow::Result<()> {
    let program = match program {
        // It is started in other folders.
        Some(program) => program.canonicalize()?,
        None => release_binary()?,
    };
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    fs::create_dir(&tree)?;
    let copied = Command::new("cp").arg("-a").args(FROM).arg(&tree).status()?;
    ensure!(copied.success(), "copying {FROM:?}");
    let mut files = Vec::new();
    list(&tree, &mut files)?;
    let bytes: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|of| of.len()).sum();
    println!("{} files, {:.0} MB, from the page cache", files.len(), mb(bytes));
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        let own =
            (0..RUNS).map(|_| hashed(&files, algorithm)).collect::<anyhow::Result<Vec<_>>>()?;
        let own = own.into_iter().min().unwrap_or_default();
        let cost = median(RUNS, || {
            let _ = fs::remove_file(folder.path().join("new"));
            measure(baseline(&program, folder.path(), "new", algorithm.name()))
        })?;
        println!(
            "{}: read and hashed on one core {:.3} s; pavisade integrity baseline {}, {:.2} times the \
             CPU time",
            algorithm.name(),
            own.as_secs_f64(),
            shown(&cost),
            cost.cpu.as_secs_f64() / own.as_secs_f64()
        );
    }
    let made = baseline(&program, folder.path(), "b", "blake3").output()?;
    ensure!(made.status.success(), "making a baseline");
    let digest = baseline_digest(&program, folder.path())?;
    let aide = peer.then(|| aide(folder.path())).transpose()?.flatten();
    let changes = change(&tree)?;
    let verify = || {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).args(["integrity", "verify", "b", "--node", "bench"]);
        command.args(["--root", ".", "--quiet", "-f", "json", "--expect", &digest]);
        command
    };
    let cost = median(RUNS, || measure(verify()))?;
    let found: Value = serde_json::from_slice(&verify().output()?.stdout)?;
    println!(
        "pavisade integrity verify {}, {} changes of {changes}",
        shown(&cost),
        found["summary"]["unexpected"]
    );
    if let Some(config) = aide {
        let check = || {
            let mut command = Command::new("aide");
            command.arg("--check").arg("--config").arg(&config);
            command
        };
        let cost = median(RUNS, || measure(check()))?;
        let text = String::from_utf8_lossy(&check().output()?.stdout).into_owned();
        let counts: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| {
                ["Added", "Removed", "Changed"].iter().any(|word| line.starts_with(word))
            })
            .filter(|line| line.ends_with(|end: char| end.is_ascii_digit()))
            .collect();
        println!("aide --check {}, {}", shown(&cost), counts.join(", "));
    }
    Ok(())
}

fn shown(cost: &Cost) -> String {
    format!(
        "{:.3} s, {:.3} CPU-s, {:.0} MB",
        cost.wall.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        mb(cost.memory)
    )
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => list(&entry.path(), files)?,
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
}

/// Reads and hashes files one after the other.
fn hashed(files: &[PathBuf], algorithm: Algorithm) -> anyhow::Result<Duration> {
    let mut buffer = vec![0; 256 << 10];
    let started = Instant::now();
    for file in files {
        let mut hashers = [Hasher::new(algorithm)];
        hash_file(&fs::File::open(file)?, u64::MAX, &mut hashers, &mut buffer, None)?;
        let [hasher] = hashers;
        hasher.finish().context("no digest")?;
    }
    Ok(started.elapsed())
}

fn baseline(program: &Path, folder: &Path, output: &str, hash: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).args(["integrity", "baseline", "/tree", "--root", "."]);
    command.args(["--node", "bench", "--hash", hash, "--quiet", "--output", output]);
    command
}

/// Returns the digest of the baseline `b` in a folder.
pub(crate) fn baseline_digest(program: &Path, folder: &Path) -> anyhow::Result<String> {
    let shown =
        Command::new(program).current_dir(folder).args(["integrity", "show", "b"]).output()?;
    let text = String::from_utf8(shown.stdout)?;
    let digest = text.split_whitespace().find(|word| word.starts_with("sha256:"));
    digest.map(str::to_owned).context("no digest")
}

/// Makes AIDE's database and returns its configuration; `None` if it is not installed.
fn aide(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    if Command::new("aide").arg("--version").output().is_err() {
        println!("aide is not installed");
        return Ok(None);
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let (database, config) = (path("aide.db"), folder.join("aide.conf"));
    let text = format!(
        "database_in=file:{database}\ndatabase_out=file:{database}\nreport_url=stdout\n\
         ALL=ftype+p+l+u+g+s+n+acl+xattrs+caps+sha256\n{} ALL\n",
        path("tree")
    );
    fs::write(&config, text)?;
    let cost = median(RUNS, || {
        let mut command = Command::new("aide");
        command.arg("--init").arg("--config").arg(&config);
        measure(command)
    })?;
    println!("aide --init (SHA-256) {}", shown(&cost));
    Ok(Some(config))
}

/// Changes the tree in 10 ways and returns the number of paths that differ.
fn change(tree: &Path) -> anyhow::Result<usize> {
    let bin = tree.join("bin");
    let mut files = Vec::new();
    list(&bin, &mut files)?;
    files.retain(|file| file.metadata().is_ok_and(|of| of.len() > 1000));
    files.sort();
    ensure!(files.len() > 20, "the tree is too small");
    let append = |path: &Path| -> anyhow::Result<()> {
        let old = fs::read(path)?;
        Ok(fs::write(path, [&*old, b"x"].concat())?)
    };
    append(&files[0])?;
    // A time that is set back.
    let time = files[1].metadata()?.modified()?;
    let mut content = fs::read(&files[1])?;
    content[500] ^= 1;
    fs::write(&files[1], content)?;
    fs::File::options().write(true).open(&files[1])?.set_modified(time)?;
    fs::set_permissions(&files[2], fs::Permissions::from_mode(0o4755))?;
    fs::set_permissions(&files[3], fs::Permissions::from_mode(0o777))?;
    fs::remove_file(&files[4])?;
    fs::write(bin.join("a-new-file"), "x")?;
    symlink("/tmp", bin.join("a-new-link"))?;
    // The file and its new link.
    fs::hard_link(&files[5], tree.join("hard"))?;
    fs::remove_file(&files[6])?;
    fs::create_dir(&files[6])?;
    fs::rename(&files[7], bin.join("a-new-name"))?;
    // Ten ways; the hard link changes two paths, and AIDE counts a rename as two.
    Ok(11)
}
