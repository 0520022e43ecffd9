//! `cargo xtask bench vulnerabilities`: the database and its results, compared with osv-scanner in
//! the same run.
//!
//! Both get the records of `../shared/data/advisories` (Pavisade also EPSS and CISA's catalog) and
//! the same SBOMs: one package, 500 packages drawn from the advisories, and an image of 160 MB. The
//! time that Pavisade needs for that image itself, with SBOM, secrets and vulnerabilities, is shown
//! too. A run is a whole process: start, opening the database, matching, and writing JSON. Cold is
//! the first run after database and input were removed from the page cache.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::image::forget;
use super::{Cost, mb, measure, median, peers, release_binary};
use crate::osv_scanner::{self, Document};
use crate::shared::{shared, unpack};
use crate::tools::tool;
use crate::truth;

/// The number of packages in the measured SBOM.
const PACKAGES: usize = 500;
/// The number of runs; osv-scanner gets a third of them.
const RUNS: usize = 9;

pub(super) fn run(peer: bool, program: Option<&Path>) -> anyhow::Result<()> {
    let Some(advisories) = shared("data/advisories") else { return Ok(()) };
    let program = match program {
        Some(program) => program.canonicalize()?,
        None => release_binary()?,
    };
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    println!("load {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());

    fs::create_dir(folder.join("database"))?;
    let database = folder.join("database/v.db");
    let mut build = Command::new(&program);
    build.args(["db", "build", "-q", "-o"]).arg(&database).arg(&advisories);
    build.args(shared("data/signals"));
    let cost = measure(build)?;
    println!(
        "database: {:.1} MB, made in {:.1} s with {:.0} MB",
        mb(fs::metadata(&database)?.len()),
        cost.wall.as_secs_f64(),
        mb(cost.memory)
    );
    let start = Instant::now();
    let bytes = pavisade_mapped::Mapped::of(&fs::File::open(&database)?)?;
    let opened = pavisade_vulndb::Database::open(&bytes)?;
    println!(
        "opened in {:.1} ms (in this process, warm), {} advisories",
        start.elapsed().as_secs_f64() * 1e3,
        opened.size().1
    );

    let records = truth::records(&advisories)?;
    let theirs = match peer {
        true => {
            let start = Instant::now();
            let cache = folder.join("osv");
            osv_scanner::databases(&records, &cache)?;
            let archives = cache.join("osv-scalibr");
            let mut bytes = 0;
            for entry in fs::read_dir(&archives)? {
                bytes += fs::metadata(entry?.path().join("all.zip"))?.len();
            }
            println!(
                "osv-scanner's archives (stored): {:.1} MB, made in {:.1} s",
                mb(bytes),
                start.elapsed().as_secs_f64()
            );
            Some((tool("osv-scanner")?, cache))
        }
        false => None,
    };
    drop(bytes);

    let all: BTreeSet<_> = osv_scanner::kept()?.into_iter().map(|answer| answer.asked).collect();
    // An even sample, so that all ecosystems occur.
    let step = (all.len() / PACKAGES).max(1);
    let some = |count: usize| Document {
        name: "registry.example/drawn:1".to_owned(),
        packages: all.iter().step_by(step).take(count).cloned().collect(),
    };
    drop(records);
    println!("input                   program        cold s  warm s   CPU s  MB peak  advisories");
    for (name, document) in [("1 package", some(1)), ("500 packages", some(PACKAGES))] {
        let sbom = folder.join(format!("{}.cdx.json", document.packages.len()));
        fs::write(&sbom, document.sbom().to_string())?;
        both(name, &program, theirs.as_ref(), &database, &sbom, folder)?;
    }
    let Some(archive) = shared("data/images/oci-debian-bullseye-web-vulnapp.tar.zst") else {
        return Ok(());
    };
    unpack(&archive, folder)?;
    let image = folder.join("debian-bullseye-web-vulnapp");
    let sbom = folder.join("image.cdx.json");
    let mut write = Command::new(&program);
    ensure!(write.args(["sbom", "-q", "-o"]).arg(&sbom).arg(&image).status()?.success(), "no SBOM");
    both("SBOM of the image", &program, theirs.as_ref(), &database, &sbom, folder)?;
    let scan = || {
        let mut command = Command::new(&program);
        command.args(["scan", "-q", "-f", "json", "--strict", "--image"]).arg(&image);
        command.arg("--db").arg(&database);
        command
    };
    let found = ids_of_ours(&peers::json(scan())?);
    let everything = "image, secrets, all";
    row(everything, "pavisade scan", &[&image, &folder.join("database")], scan, RUNS, found.len())?;
    Ok(())
}

fn both(
    name: &str,
    program: &Path,
    theirs: Option<&(PathBuf, PathBuf)>,
    database: &Path,
    sbom: &Path,
    folder: &Path,
) -> anyhow::Result<()> {
    let input = folder.join("input");
    fs::create_dir_all(&input)?;
    let ours = || {
        let mut command = Command::new(program);
        command.args(["image", "-q", "-f", "json-v2", "--db"]).arg(database).arg(sbom);
        command
    };
    let found = ids_of_ours(&peers::json(ours())?);
    let of_database = database.parent().context("a file has a folder")?;
    row(name, "pavisade image", &[of_database], ours, RUNS, found.len())?;
    let Some((peer, cache)) = theirs else { return Ok(()) };
    let peers = || osv_scanner::command(peer, &[sbom], cache);
    let said = peers::json(peers())?;
    let results = said["results"].as_array().into_iter().flatten();
    let packages = results.filter_map(|result| result["packages"].as_array()).flatten();
    let found = packages.filter_map(|package| package["vulnerabilities"].as_array()).flatten();
    let found: BTreeSet<_> = found.filter_map(|v| v["id"].as_str()).collect();
    row(name, "osv-scanner", &[&cache.join("osv-scalibr")], peers, RUNS / 3, found.len())
}

/// Returns the advisories in a scan result without duplicates.
fn ids_of_ours(document: &Value) -> BTreeSet<String> {
    let findings = document["findings"].as_array().into_iter().flatten();
    let ids = findings.filter_map(|finding| finding["vulnerability"]["id"].as_str());
    ids.map(str::to_owned).collect()
}

fn row(
    input: &str,
    program: &str,
    cold: &[&Path],
    command: impl Fn() -> Command,
    runs: usize,
    found: usize,
) -> anyhow::Result<()> {
    for folder in cold {
        forget(folder)?;
    }
    let cold = measure(command())?;
    let Cost { wall, cpu, memory } = median(runs, || measure(command()))?;
    println!(
        "{input:<22}  {program:<13}  {:>6.3}  {:>6.3}  {:>6.3}  {:>7.0}  {found:>10}",
        cold.wall.as_secs_f64(),
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        mb(memory.max(cold.memory)),
    );
    Ok(())
}
