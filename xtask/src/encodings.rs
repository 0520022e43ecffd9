//! `cargo xtask encodings`: one privileged pod, written in every way that YAML and JSON allow.
//!
//! If kubectl sends a privileged pod, a scan of the directory must report it or say that it did not
//! read the file. `tests/kubectl-encodings.tsv` contains the number of such pods for each text, so
//! that the comparison does not need Go. This task asks kubectl again and writes the file.

mod cases;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use pavisade_checks::{Catalog, CheckSet};
use pavisade_model::{KubernetesVersion, Location, NoteKind, State};
use pavisade_scan::{Timestamp, judge};
use pavisade_sources::{Request, load};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::cases::{Case, cases};
use crate::kubectl::objects_of_text;
use crate::shared::{hex16, root};
use crate::tools::tool;

/// The check that a privileged pod fails.
const CHECK: &str = "PV-C001";

/// Asks kubectl about every text, writes its answers, and compares them with those of Pavisade.
pub(crate) fn run() -> anyhow::Result<()> {
    let kubectl = tool("kubectl")?;
    let cases = cases();
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sent = privileged(&kubectl, case)?;
            lines.push(format!("{}\t{}\t{sent}\n", case.name, digest(&case.text)));
        }
        Ok(lines)
    };
    let mut lines = std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        let done = workers.map(|worker| worker.join());
        let mut lines = Vec::new();
        for done in done {
            lines.extend(done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        anyhow::Ok(lines)
    })?;
    lines.sort();
    fs::write(table(), lines.concat())?;
    let hidden = hidden(&cases)?;
    println!("{} texts, {} hide a pod", cases.len(), hidden.len());
    ensure!(hidden.is_empty(), "{}", hidden.join("\n"));
    Ok(())
}

fn table() -> PathBuf {
    root().join("tests/kubectl-encodings.tsv")
}

fn digest(text: &[u8]) -> String {
    hex16(&Sha256::digest(text))
}

/// Returns the number of privileged pods that kubectl sends.
fn privileged(kubectl: &Path, case: &Case) -> anyhow::Result<usize> {
    let sent = objects_of_text(kubectl, &case.text)?.objects;
    Ok(sent.iter().filter(|object| is_privileged(object)).count())
}

fn is_privileged(object: &Value) -> bool {
    let pod = object["apiVersion"] == "v1" && object["kind"] == "Pod";
    let containers = object["spec"]["containers"].as_array().into_iter().flatten();
    pod && containers.into_iter().any(|c| c["securityContext"]["privileged"] == true)
}

/// Returns the texts for which a scan reports less than kubectl sends, with the difference.
fn hidden(cases: &[Case]) -> anyhow::Result<Vec<String>> {
    let path = table();
    let kept = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let kept: HashMap<_, _> = kept.lines().filter_map(read).collect();
    ensure!(kept.len() == cases.len(), "`cargo xtask encodings` was not run on the cases");
    let scanned = scanned(cases)?;
    let mut hidden = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let Case { name, text, .. } = case;
        let sent = *kept
            .get(&(name.as_str(), digest(text).as_str()))
            .with_context(|| format!("{name}: `cargo xtask encodings` was not run on it"))?;
        let Scanned { found, unread } = scanned.get(&index).copied().unwrap_or_default();
        // Only for intentionally invalid text may a note replace a finding.
        if found < sent && !(unread && case.broken) {
            let text = String::from_utf8_lossy(text);
            hidden.push(format!("{name}: kubectl sends {sent}, found {found}\n{text}"));
        }
    }
    Ok(hidden)
}

fn read(line: &str) -> Option<((&str, &str), usize)> {
    let mut words = line.split('\t');
    let (name, digest) = (words.next()?, words.next()?);
    Some(((name, digest), words.next()?.parse().ok()?))
}

/// The result of scanning one file.
#[derive(Default, Clone, Copy)]
struct Scanned {
    found: usize,
    unread: bool,
}

/// Scans a directory with all texts, each in its own subdirectory.
fn scanned(cases: &[Case]) -> anyhow::Result<BTreeMap<usize, Scanned>> {
    let folder = tempfile::tempdir()?;
    for (index, case) in cases.iter().enumerate() {
        let own = folder.path().join(index.to_string());
        fs::create_dir(&own)?;
        fs::write(own.join(case.file), &case.text)?;
    }
    let index = |path: &str| {
        let inside = path.strip_prefix(folder.path().to_str()?)?.strip_prefix('/')?;
        inside.split('/').next()?.parse::<usize>().ok()
    };
    let snapshot = load(&Request::new([folder.path()]), std::io::empty(), &()).snapshot;
    let latest = KubernetesVersion::LATEST;
    let checks =
        CheckSet::new(&Catalog::builtin(), latest, |meta| &*meta.rule.id == CHECK, &HashMap::new())
            .map_err(|error| anyhow::anyhow!("{}: {}", error.check, error.message))?;
    let judgement = judge(&snapshot, &checks, Timestamp::UNIX_EPOCH);
    let mut scanned: BTreeMap<usize, Scanned> = BTreeMap::new();
    for finding in judgement.of_state(State::Fails) {
        if let Location::Text { source, .. } = &finding.location
            && let Some(index) = index(source.name())
        {
            scanned.entry(index).or_default().found += 1;
        }
    }
    for note in judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread) {
        if let Some(index) = index(&note.place) {
            scanned.entry(index).or_default().unread = true;
        }
    }
    Ok(scanned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_hides_a_pod_that_kubectl_sends() {
        let hidden = hidden(&cases()).unwrap();
        assert!(hidden.is_empty(), "{} texts hide a pod:\n{}", hidden.len(), hidden.join("\n"));
    }

    #[test]
    fn kubectl_still_says_what_is_kept_of_it() {
        let Some(kubectl) = testbed::tools::built("kubectl") else {
            println!("skipped: kubectl is not built; `cargo xtask tools kubectl` does it");
            return;
        };
        let kept = fs::read_to_string(table()).unwrap();
        let kept: HashMap<_, _> = kept.lines().filter_map(read).collect();
        for case in cases().iter().step_by(50) {
            let digest = digest(&case.text);
            let sent = privileged(&kubectl, case).unwrap();
            assert_eq!(kept.get(&(case.name.as_str(), &*digest)), Some(&sent), "{}", case.name);
        }
    }
}
