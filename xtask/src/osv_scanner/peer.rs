//! Runs osv-scanner offline, with its databases and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use flate2::Crc;
use pavisade_vulndb::Ecosystem;
use serde_json::Value;

use super::{Answer, Asked, Document};
use crate::tools::tool;
use crate::truth::Records;

/// The variable with the database directory, which also disables updates.
const FOLDER: &str = "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY";

/// Returns the answers for each document, from a single run because every run reads all archives.
pub(super) fn ask(
    documents: &[Document],
    records: &Records,
    folder: &Path,
) -> anyhow::Result<Vec<Answer>> {
    let answer = folder.join("answer.json");
    if !answer.exists() {
        databases(records, folder)?;
        let mut sboms = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            let sbom = folder.join(format!("{number}.cdx.json"));
            fs::write(&sbom, document.sbom().to_string())?;
            sboms.push(sbom);
        }
        let sboms: Vec<_> = sboms.iter().map(PathBuf::as_path).collect();
        fs::write(&answer, scan(&tool("osv-scanner")?, &sboms, folder)?)?;
    }
    let said: Value = serde_json::from_slice(&fs::read(&answer)?).context("reading its answer")?;
    let mut answers = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let end = format!("/{number}.cdx.json");
        let results = said["results"].as_array().into_iter().flatten();
        let own = results.filter(|result| {
            result["source"]["path"].as_str().is_some_and(|path| path.ends_with(&end))
        });
        let own = own.filter_map(|result| result["packages"].as_array()).flatten();
        answers.extend(read(document, own).with_context(|| document.name.clone())?);
    }
    Ok(answers)
}

/// Returns the command that scans SBOMs.
pub(crate) fn command(program: &Path, sboms: &[&Path], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["scan", "source", "--offline", "--format", "json", "--all-packages"]);
    for sbom in sboms {
        command.arg("-L").arg(sbom);
    }
    command.env(FOLDER, folder).current_dir(folder);
    command
}

fn scan(program: &Path, sboms: &[&Path], folder: &Path) -> anyhow::Result<Vec<u8>> {
    let output = command(program, sboms, folder).output()?;
    // 1: it found something.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("osv-scanner: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

fn read<'a>(
    document: &Document,
    packages: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<Vec<Answer>> {
    let mut by_package: BTreeMap<Asked, BTreeSet<String>> = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package["package"][key].as_str().unwrap_or_default().to_owned();
        let asked =
            Asked { ecosystem: text("ecosystem"), name: text("name"), version: text("version") };
        let ids = package["vulnerabilities"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|vulnerability| Some(vulnerability["id"].as_str()?.to_owned()));
        by_package.entry(asked).or_default().extend(ids);
    }
    let mut answers = Vec::new();
    let mut told = BTreeSet::new();
    for asked in &document.packages {
        let known = known_as(asked);
        let records = by_package.get(&known).cloned();
        let records = records.with_context(|| format!("osv-scanner does not tell of {asked:?}"))?;
        told.insert(known);
        answers.push(Answer { document: document.name.clone(), asked: asked.clone(), records });
    }
    let other = by_package.keys().find(|package| !told.contains(package));
    ensure!(other.is_none(), "osv-scanner also tells of {other:?}");
    Ok(answers)
}

/// Returns the package as named in osv-scanner's answers.
fn known_as(asked: &Asked) -> Asked {
    let mut known = asked.clone();
    if known.ecosystem == "PyPI" {
        known.name = Ecosystem::read("PyPI").package(&known.name);
    }
    known
}

/// Writes archives like those of osv.dev: one per ecosystem, with one file per record.
pub(crate) fn databases(records: &Records, folder: &Path) -> anyhow::Result<()> {
    let mut of_ecosystem: BTreeMap<String, Vec<(String, &[u8])>> = BTreeMap::new();
    for line in records.values().flat_map(|lines| lines.split(|byte| *byte == b'\n')) {
        if line.is_empty() {
            continue;
        }
        let record: Value = serde_json::from_slice(line)?;
        let id = record["id"].as_str().context("a record without an id")?.to_owned();
        let affected = record["affected"].as_array().into_iter().flatten();
        let ecosystems = affected.filter_map(|one| one["package"]["ecosystem"].as_str());
        let base = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
        for ecosystem in ecosystems.map(base).collect::<BTreeSet<_>>() {
            of_ecosystem.entry(ecosystem).or_default().push((id.clone(), line));
        }
    }
    for (ecosystem, records) in of_ecosystem {
        let folder = folder.join("osv-scalibr").join(&ecosystem);
        fs::create_dir_all(&folder)?;
        let path = folder.join("all.zip");
        let mut out = BufWriter::new(File::create(&path)?);
        zip(&records, &mut out).with_context(|| format!("writing {}", path.display()))?;
        out.flush()?;
    }
    Ok(())
}

/// Writes a ZIP archive of stored files (APPNOTE 6.3, without its later extensions).
fn zip(files: &[(String, &[u8])], out: &mut impl Write) -> anyhow::Result<()> {
    let mut directory = Vec::new();
    let mut at = 0_u32;
    for (number, (id, content)) in files.iter().enumerate() {
        // A record may occur twice in different versions.
        let name = format!("{number}-{}.json", id.replace(['/', '\\'], "_"));
        let mut sum = Crc::new();
        sum.update(content);
        let size = u32::try_from(content.len())?;
        let mut head = vec![0; 6];
        head.extend([0; 4]);
        head.extend(sum.sum().to_le_bytes());
        head.extend(size.to_le_bytes());
        head.extend(size.to_le_bytes());
        head.extend(u16::try_from(name.len())?.to_le_bytes());
        head.extend([0; 2]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(b"\x14\0");
        directory.extend(&head[2..]);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        head[0] = 20;
        out.write_all(b"PK\x03\x04")?;
        out.write_all(&head)?;
        out.write_all(name.as_bytes())?;
        out.write_all(content)?;
        at += u32::try_from(4 + head.len() + name.len() + content.len())?;
    }
    let count = u16::try_from(files.len())?.to_le_bytes();
    out.write_all(&directory)?;
    out.write_all(b"PK\x05\x06\0\0\0\0")?;
    out.write_all(&[count, count].concat())?;
    out.write_all(&u32::try_from(directory.len())?.to_le_bytes())?;
    out.write_all(&at.to_le_bytes())?;
    Ok(out.write_all(&[0; 2])?)
}

#[cfg(test)]
mod tests {
    use pavisade_packages::zip::Archive;

    use super::*;

    #[test]
    fn archives_are_read_again() {
        let files = [("A-1".to_owned(), &b"{\"id\":\"A-1\"}"[..]), ("B/2".to_owned(), b"{}")];
        let mut bytes = Vec::new();
        zip(&files, &mut bytes).unwrap();
        let archive = Archive::new(&bytes).unwrap();
        let entries: Vec<_> = archive.entries().map(Result::unwrap).collect();
        let names: Vec<_> =
            entries.iter().map(|e| String::from_utf8_lossy(e.name).into_owned()).collect();
        assert_eq!(names, ["0-A-1.json", "1-B_2.json"]);
        let unpacked = archive.packed(&entries[0]).and_then(|packed| packed.unpacked(100)).unwrap();
        assert_eq!(unpacked, files[0].1);
    }
}
