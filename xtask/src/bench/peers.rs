//! `cargo xtask bench peers`: compares other scanners on the same files in the same run.
//!
//! kube-score is a Go program that aborts at the first file it cannot read, so it gets only files
//! that it accepts. Checkov is a Python program; it is installed by `pip` into the user's cache,
//! runs offline, and gets the whole corpus. All run the checks that they enable by default. Since
//! each tool defines findings differently, these are counted but not compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::{Cost, mb, measure, median, ours, release_binary, total_bytes};
use crate::shared::{corpus, files, root};
use crate::tools::tool;

/// The timeout of Checkov for the corpus.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// The result of a scanner.
struct Row {
    name: String,
    cost: Cost,
    checks: usize,
    findings: usize,
}

/// Runs the comparison.
pub(super) fn run() -> anyhow::Result<()> {
    // Checkov skips hidden directories.
    let unpacked = tempfile::Builder::new().prefix("peers-").tempdir()?;
    let Some(corpus) = corpus(None, unpacked.path())? else { return Ok(()) };
    let program = release_binary()?;
    let mut ratios = Vec::new();
    match kube_score(&program, &corpus) {
        Ok(ratio) => ratios.push(("kube-score", ratio)),
        Err(error) => println!("kube-score is left out: {error:#}"),
    }
    match checkov(&program, &corpus) {
        Ok(ratio) => ratios.push(("Checkov", ratio)),
        Err(error) => println!("Checkov is left out: {error:#}"),
    }
    for (name, [wall, cpu]) in &ratios {
        println!("{wall:.1} times as fast as {name}, and {cpu:.1} times less CPU time");
    }
    ensure!(!ratios.is_empty(), "no peer could be run");
    Ok(())
}

/// Runs kube-score and Pavisade on the files that kube-score accepts. Returns how many times faster
/// Pavisade is, by wall clock and by CPU time.
pub(super) fn kube_score(program: &Path, corpus: &Path) -> anyhow::Result<[f64; 2]> {
    let peer = tool("kube-score")?;
    let folder = tempfile::tempdir()?;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for file in files(corpus, &["yaml", "yml"])? {
        let path = corpus.join(&file);
        let output = Command::new(&peer).arg("score").arg(&path).output()?;
        // The exit code is 1 for findings too; read errors are in the output.
        if String::from_utf8_lossy(&output.stderr).contains("Failed to")
            || output.status.code() > Some(1)
        {
            refused += 1;
            continue;
        }
        let to = folder.path().join(&file);
        fs::create_dir_all(to.parent().context("a file has a folder")?)?;
        fs::copy(&path, &to)?;
        taken.push(to);
    }
    println!(
        "kube-score takes {} files and refuses {refused}; both get {:.1} MB",
        taken.len(),
        mb(total_bytes(folder.path())?)
    );
    let score = || {
        let mut command = Command::new(&peer);
        command.arg("score").args(["--output-format", "json"]).args(&taken);
        command
    };
    let cost = median(3, || measure(score()))?;
    let said = json(score())?;
    let mut findings = 0;
    for object in said.as_array().into_iter().flatten() {
        let checks = object["checks"].as_array().into_iter().flatten();
        // The highest grade is `ok`.
        let bad = checks.filter(|check| {
            check["skipped"] != true && check["grade"].as_u64().is_some_and(|grade| grade < 10)
        });
        findings += bad.count();
    }
    let list = Command::new(&peer).arg("list").output()?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let checks = list.lines().filter(|line| line.ends_with(",default")).count();
    let theirs = Row { name: "kube-score".to_owned(), cost, checks, findings };
    show(&theirs, &own(program, folder.path())?)
}

/// The same for Checkov on the whole corpus.
fn checkov(program: &Path, corpus: &Path) -> anyhow::Result<[f64; 2]> {
    let python = installed("checkov", "checkov")?.join("bin/python");
    let version = output(Command::new(&python).args(["-m", "checkov.main", "--version"]))?;
    println!("Checkov {} of the whole corpus, {:.1} MB", version.trim(), mb(total_bytes(corpus)?));
    let answer = tempfile::NamedTempFile::new()?;
    let mut scan = Command::new("timeout");
    scan.arg(PATIENCE.as_secs().to_string()).arg(&python);
    scan.args(["-m", "checkov.main", "--framework", "kubernetes", "--compact", "--quiet"]);
    // No downloads, and no uploads without a key.
    scan.args(["--skip-download", "--soft-fail", "--output", "json", "--directory"]).arg(corpus);
    scan.env_remove("BC_API_KEY").env_remove("PRISMA_API_URL");
    let cost = super::measure_into(scan, answer.reopen()?.into())?;
    if cost.wall >= PATIENCE {
        bail!("it did not finish within {} minutes", PATIENCE.as_secs() / 60);
    }
    let said: Value = serde_json::from_str(&fs::read_to_string(answer.path())?)
        .context("reading what Checkov printed")?;
    let summary = &said["summary"];
    let findings = usize::try_from(summary["failed"].as_u64().context("no summary")?)?;
    println!(
        "Checkov could not parse {} files and found {} resources",
        summary["parsing_errors"], summary["resource_count"]
    );
    let mut list = Command::new(&python);
    list.args(["-m", "checkov.main", "--list", "--framework", "kubernetes"]);
    let list = output(&mut list)?;
    let ids = list.lines().filter_map(|line| line.split('|').nth(2)).map(str::trim);
    let of_kubernetes = |id: &&str| id.starts_with("CKV_K8S_") || id.starts_with("CKV2_K8S_");
    let checks: BTreeSet<&str> = ids.filter(of_kubernetes).collect();
    let theirs = Row { name: "Checkov".to_owned(), cost, checks: checks.len(), findings };
    show(&theirs, &own(program, corpus)?)
}

/// Returns the Python environment of a tool, creating it if needed.
pub(super) fn installed(tool: &str, package: &str) -> anyhow::Result<PathBuf> {
    let wanted = root().join(format!("tests/tools/{tool}/requirements.txt"));
    let text = fs::read_to_string(&wanted)?;
    let pin = format!("{package}==");
    let version = text.lines().find_map(|line| line.strip_prefix(&pin));
    let version = version.with_context(|| format!("{tool}: no {package} is pinned"))?.trim();
    let home = testbed::tools::cache()?.join("tools").join(format!("{tool}-{version}"));
    if home.exists() {
        return Ok(home);
    }
    let cache = home.parent().unwrap_or(&home);
    fs::create_dir_all(cache)?;
    let beside = tempfile::Builder::new().prefix(".installing-").tempdir_in(cache)?;
    eprintln!("installing {package} {version} (once) …");
    output(Command::new("python3").args(["-m", "venv"]).arg(beside.path()))?;
    let mut pip = Command::new(beside.path().join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    output(pip.arg(&wanted))?;
    // The interpreter finds its packages relative to itself; the scripts do not.
    fs::rename(beside.path(), &home).with_context(|| format!("making {}", home.display()))?;
    Ok(home)
}

fn own(program: &Path, folder: &Path) -> anyhow::Result<Row> {
    let cost = median(9, || measure(ours(program, &[folder])))?;
    let said = json(ours(program, &[folder]))?;
    let count = |field: &str| said[field].as_array().map_or(0, Vec::len);
    let fails = |f: &&Value| f["state"] == "fails";
    let findings = said["findings"].as_array().into_iter().flatten().filter(fails).count();
    Ok(Row { name: "pavisade".to_owned(), cost, checks: count("checks"), findings })
}

/// Prints two rows. Returns how many times faster the second is.
fn show(theirs: &Row, own: &Row) -> anyhow::Result<[f64; 2]> {
    println!("             seconds    CPU s  MB peak  checks  findings");
    for Row { name, cost, checks, findings } in [theirs, own] {
        let (seconds, cpu) = (cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
        let memory = mb(cost.memory);
        println!(
            "{name:<11}  {seconds:>7.3}  {cpu:>7.2}  {memory:>7.0}  {checks:>6}  {findings:>8}"
        );
    }
    ensure!(own.checks > 0, "ours said nothing");
    let times = |of: fn(&Cost) -> Duration| {
        of(&theirs.cost).as_secs_f64() / of(&own.cost).as_secs_f64().max(0.01)
    };
    Ok([times(|cost| cost.wall), times(|cost| cost.cpu)])
}

pub(super) fn json(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::null()).output()?;
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading {command:?}"))
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{command:?} ended with {}: {last}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
