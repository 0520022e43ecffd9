//! A baseline of a million files: exactly the changes are reported, in bounded memory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::flood::Disk;
use super::kill::program;
use crate::bench::{baseline_digest, measure, measure_into};

/// Files in a full run.
pub(super) const FULL: u32 = 1_000_000;
/// Files in a folder.
const EACH: u32 = 1000;
/// The most memory, in bytes: a fixed part, and one for each file.
const MEMORY: (u64, u64) = (64 << 20, 2000);

pub(super) fn run(count: u32, _: u64) -> anyhow::Result<()> {
    let Some(disk) = Disk::new(count >= FULL)? else { return Ok(()) };
    let root = disk.0.path();
    for folder in 0..count.div_ceil(EACH) {
        let path = root.join(format!("tree/{folder}"));
        fs::create_dir(&path)?;
        for file in 0..EACH.min(count - folder * EACH) {
            // Most are empty, so that a small disk is enough.
            let text = if file % 100 == 0 { folder.to_string() } else { String::new() };
            fs::write(path.join(file.to_string()), text)?;
        }
    }
    let output = tempfile::tempdir()?;
    let program = program()?;
    let command = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(output.path()).arg("integrity").args(args);
        command.arg("--root").arg(root).args(["--node", "soak", "--quiet"]);
        command
    };
    let cost = measure(command(&["baseline", "/tree", "--output", "b"]))?;
    let shown = |name: &str, seconds: f64, memory: u64| {
        println!("{name}: {seconds:.1} s, {:.0} MB", memory as f64 / 1e6);
    };
    shown("baseline", cost.wall.as_secs_f64(), cost.memory);
    let most = MEMORY.0 + MEMORY.1 * u64::from(count);
    ensure!((1..most).contains(&cost.memory), "a baseline needs {} bytes", cost.memory);
    let size = fs::metadata(output.path().join("b"))?.len();
    println!("{count} files, {:.0} MB", size as f64 / 1e6);
    let digest = baseline_digest(&program, output.path())?;
    let verify = ["verify", "b", "--expect", &digest, "-f", "json"];
    let reported = |name: &str| -> anyhow::Result<Vec<String>> {
        let to = output.path().join("found");
        let cost = measure_into(command(&verify), fs::File::create(&to)?.into())?;
        shown(name, cost.wall.as_secs_f64(), cost.memory);
        ensure!((1..most).contains(&cost.memory), "a comparison needs {} bytes", cost.memory);
        let found: Value = serde_json::from_slice(&fs::read(to)?)?;
        let changes = found["changes"].as_array().context("no changes")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |change: &Value| format!("{} {}", text(&change["kind"]), text(&change["path"]));
        Ok(changes.iter().map(one).collect())
    };
    let same = reported("the same files")?;
    ensure!(same.is_empty(), "unexpected changes: {same:?}");
    let last = format!("/tree/{}", (count / EACH).saturating_sub(1));
    let expect = [
        format!("changed {last}/100"),
        format!("changed {last}/101"),
        "removed /tree/0/7".to_owned(),
        "added /tree/0/new".to_owned(),
    ];
    let last = root.join(&last[1..]);
    fs::write(last.join("100"), "changed")?;
    fs::set_permissions(last.join("101"), fs::Permissions::from_mode(0o4755))?;
    fs::remove_file(root.join("tree/0/7"))?;
    fs::write(root.join("tree/0/new"), "x")?;
    let found = reported("four changes")?;
    let sorted = |mut all: Vec<String>| {
        all.sort_unstable();
        all
    };
    ensure!(sorted(found.clone()) == sorted(expect.into()), "not the four changes: {found:?}");
    Ok(())
}
