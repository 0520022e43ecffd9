//! `pod-security-standards`: the verdict is in the path `LEVEL/VERSION/{pass,fail}/CASE.yaml`.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use pavisade_checks::{Catalog, CheckSet};
use pavisade_model::{Finding, KubernetesVersion, State};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::Outcome;
use crate::shared::{files, root};

/// One manifest.
struct Case {
    /// `baseline` or `restricted`.
    level: String,
    /// `v1.0` to the newest version.
    version: String,
    text: String,
}

/// Runs the suite on a directory of levels.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let controls = Levels::read()?;
    compare(dir, |case| controls.admit(case))
}

/// The checks of each level, from the framework file.
pub(crate) struct Levels {
    baseline: BTreeSet<String>,
    restricted: BTreeSet<String>,
}

impl Levels {
    /// Reads the framework file.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let path = root().join("frameworks/pod-security-standards.toml");
        let table: toml::Table = fs::read_to_string(&path)?.parse()?;
        let controls = table.get("controls").and_then(toml::Value::as_array);
        let mut levels = Self { baseline: BTreeSet::new(), restricted: BTreeSet::new() };
        for control in controls.context("no controls")? {
            let level = control.get("level").and_then(toml::Value::as_str).unwrap_or("");
            let checks = control.get("checks").and_then(toml::Value::as_array);
            let ids = checks.into_iter().flatten().filter_map(toml::Value::as_str);
            match level {
                "baseline" => levels.baseline.extend(ids.map(str::to_owned)),
                "restricted" => levels.restricted.extend(ids.map(str::to_owned)),
                other => bail!("{}: `{other}` is no level", path.display()),
            }
        }
        Ok(levels)
    }

    /// Returns the IDs of all checks.
    pub(crate) fn checks(&self) -> impl Iterator<Item = &str> {
        self.baseline.iter().chain(&self.restricted).map(String::as_str)
    }

    /// Returns whether the pod meets the level in that version of the standard.
    fn admit(&self, case: &Case) -> anyhow::Result<bool> {
        let version = case.version.parse().map_err(anyhow::Error::msg)?;
        let found = self.judge(&case.level, version, &case.text)?;
        let doubt = found.iter().any(|finding| finding.state == State::Unknown);
        ensure!(!doubt, "the standard knows no doubt");
        Ok(found.is_empty())
    }

    /// Returns the findings of the level `baseline` or `restricted` for the single pod of a text.
    pub(crate) fn judge(
        &self,
        level: &str,
        version: KubernetesVersion,
        text: &str,
    ) -> anyhow::Result<Vec<Finding>> {
        let wanted = |meta: &pavisade_model::Meta| {
            self.baseline.contains(&*meta.rule.id)
                || (level == "restricted" && self.restricted.contains(&*meta.rule.id))
        };
        let set = CheckSet::new(&Catalog::builtin(), version, wanted, &HashMap::new())
            .map_err(|error| anyhow::Error::msg(error.message))?;
        let documents = read(&Source::new("case", text));
        let mut found = Vec::new();
        for doc in &documents.docs {
            let objects = objects(doc.root());
            ensure!(objects.refused.is_empty(), "kubectl would refuse it");
            found.extend(objects.sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
        ensure!(found.len() == 1, "want one pod, found {}", found.len());
        let world = WorldParts::files("case", WorldKind::Files, found);
        let snapshot = Snapshot::new(vec![world], Vec::new());
        Ok(judge(&snapshot, &set, Timestamp::UNIX_EPOCH).findings)
    }
}

fn compare(dir: &Path, passes: impl Fn(&Case) -> anyhow::Result<bool>) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for path in files(dir, &["yaml"])? {
        let words: Vec<_> = path.split('/').collect();
        let [level, version, verdict @ ("pass" | "fail"), _] = words[..] else {
            bail!("{path}: want LEVEL/VERSION/{{pass,fail}}/CASE.yaml")
        };
        let text =
            fs::read_to_string(dir.join(&path)).with_context(|| format!("reading {path}"))?;
        let case = Case { level: level.to_owned(), version: version.to_owned(), text };
        let got = if passes(&case).with_context(|| path.clone())? { "pass" } else { "fail" };
        outcome.count(got == verdict, || format!("{path}: want {verdict}, got {got}"));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_verdict() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["baseline/v1.0/fail", "restricted/v1.0/pass"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("a.yaml"), "kind: Pod\n").unwrap();
        }
        let outcome = compare(dir.path(), |case| Ok(case.level == "baseline")).unwrap();
        assert_eq!((outcome.agreed, outcome.total), (0, 2));
        assert_eq!(outcome.disagreements[0], "baseline/v1.0/fail/a.yaml: want fail, got pass");
        let outcome = compare(dir.path(), |case| Ok(case.level != "baseline")).unwrap();
        assert_eq!((outcome.agreed, outcome.total), (2, 2));
    }
}
