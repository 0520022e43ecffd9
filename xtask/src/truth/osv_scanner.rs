//! `osv-scanner`: compares packages of SBOMs with the records that osv-scanner finds for them.
//!
//! Its answers are stored in `tests/osv-scanner.tsv`, which `cargo xtask osv-scanner --record`
//! writes; both use the records of `../shared/data/advisories`. A case is a package version, for
//! which both must find the same records. For each record that only one finds, there must be one of
//! these causes in the record itself:
//!
//! - [`Cause::Edge`]: the record names Alpine without a release, which is edge. osv-scanner applies
//!   it to every release, even if the record has an earlier fixed version for the release itself.
//! - [`Cause::Undecided`]: the version, or a bound of the range, is not a valid version of its
//!   ecosystem (a commit, a date). osv-scanner orders it anyway; Pavisade reports that it cannot
//!   decide.
//! - [`Cause::BehindGit`]: the range follows one of commits in the record, where osv-scanner stops
//!   reading. OSV's schema has no such rule: any range counts.
//! - [`Cause::Equal`]: the record lists an equal version in another spelling: `1.5.0` for `1.5`.
//!   osv-scanner compares listed versions as text.
//! - [`Cause::Letters`]: the name has capital letters. osv-scanner converts those of Go package
//!   URLs to lower case, and treats NuGet names that differ only in case as different.
//!
//! AlmaLinux, Julia, Bitnami and Kubernetes are not compared: osv-scanner reads no packages of them
//! from SBOMs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use pavisade_vulndb::{
    Because, Builder, Database, Ecosystem, Feed, Matcher, Reason, Target, Version,
};
use serde_json::Value;

use super::Outcome;
use crate::osv_scanner::{Answer, Asked, kept};

/// OSV records, one per line, by feed.
pub(crate) type Records = BTreeMap<String, Vec<u8>>;

/// Runs the suite on a directory of advisories.
pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    compare(&kept()?, &records(folder)?)
}

/// Returns the OSV records of a directory.
pub(crate) fn records(folder: &Path) -> anyhow::Result<Records> {
    let mut records = Records::new();
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Scores by CVE are not in OSV format.
        let Some(name) = name.strip_suffix(".jsonl.zst").filter(|name| *name != "cve-severity")
        else {
            continue;
        };
        let mut lines = Vec::new();
        let mut decoder = zstd::Decoder::new(File::open(&path)?)?;
        decoder.window_log_max(27)?;
        decoder.read_to_end(&mut lines).with_context(|| format!("reading {}", path.display()))?;
        records.insert(name.to_owned(), lines);
    }
    Ok(records)
}

/// Why the two differ in a record for which Pavisade is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Edge,
    Undecided,
    BehindGit,
    Equal,
    Letters,
}

impl Cause {
    fn text(self) -> &'static str {
        match self {
            Self::Edge => "Alpine without a release is edge, not every release",
            Self::Undecided => "no version of its ecosystem: undecided, and said",
            Self::BehindGit => "a range behind one of commits counts too",
            Self::Equal => "a listed version that is equal, written otherwise",
            Self::Letters => "capital letters of a name",
        }
    }
}

/// Compares the answers.
pub(crate) fn compare(answers: &[Answer], records: &Records) -> anyhow::Result<Outcome> {
    let mut builder = Builder::default();
    for (name, lines) in records {
        builder.records(Feed { name, licence: "" }, lines);
    }
    let (bytes, _) = builder.finish()?;
    let mut matcher = Matcher::new(Database::open(&bytes)?);
    let lines = by_id(records);
    let mut outcome = Outcome::default();
    let (mut same, mut causes) = (0, BTreeMap::<Cause, Vec<String>>::new());
    let mut packages_that_differ = 0;
    for Answer { document, asked, records: theirs } in answers {
        let ecosystem = Ecosystem::read(&asked.ecosystem);
        let (name, version) = (asked.name.as_str(), asked.version.as_str());
        let target = Target { ecosystem: &ecosystem, name, version, source: None };
        let found = matcher.find(target)?;
        let reasons = found.hits.iter().flat_map(|hit| &hit.reasons);
        let ours: BTreeMap<&str, &Reason> =
            reasons.map(|reason| (reason.record.as_str(), reason)).collect();
        let undecided: BTreeSet<_> = found.undecided.iter().map(|one| &*one.record).collect();
        let mut open = Vec::new();
        let mut differs = false;
        let only_ours = ours.iter().filter(|(id, _)| !theirs.contains(**id));
        let only_ours = only_ours.map(|(id, reason)| (*id, Some(*reason)));
        let only_theirs = theirs.iter().filter(|id| !ours.contains_key(id.as_str()));
        let only_theirs = only_theirs.map(|id| (id.as_str(), None));
        for (id, reason) in only_ours.chain(only_theirs) {
            differs = true;
            let affected = affected(lines.get(id).map_or(&[], Vec::as_slice), &ecosystem, name)?;
            let cause = match reason {
                Some(reason) => why_ours(asked, reason, &affected),
                None if undecided.contains(id) => Some(Cause::Undecided),
                None => why_theirs(asked, &affected),
            };
            let example = format!("{} {name} {version}: {id}", asked.ecosystem);
            match cause {
                Some(cause) => causes.entry(cause).or_default().push(example),
                None => open.push(match reason {
                    Some(reason) => format!("only we say {id} ({:?})", reason.because),
                    None => format!("only osv-scanner says {id}"),
                }),
            }
        }
        packages_that_differ += usize::from(differs);
        same += ours.keys().filter(|id| theirs.contains(**id)).count();
        outcome.count(open.is_empty(), || {
            let open = open.join("; ");
            format!("{document}: {} {name} {version}: {open}", asked.ecosystem)
        });
    }
    println!(
        "{} packages; {same} times both name a record; {packages_that_differ} packages differ, with these \
         causes by record:",
        answers.len()
    );
    for (cause, all) in causes {
        let example = all.first().map_or("", String::as_str);
        println!("  {}: {}, such as {example}", cause.text(), all.len());
    }
    Ok(outcome)
}

/// Returns the lines of records by ID.
fn by_id(records: &Records) -> HashMap<&str, Vec<&[u8]>> {
    let mut lines: HashMap<&str, Vec<&[u8]>> = HashMap::new();
    for line in records.values().flat_map(|lines| lines.split(|byte| *byte == b'\n')) {
        // The first key with that name.
        let text = std::str::from_utf8(line).unwrap_or_default();
        let id = text.split_once("\"id\":\"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((id, _)) = id {
            lines.entry(id).or_default().push(line);
        }
    }
    lines
}

/// Returns the package entries of records for a name in any spelling.
fn affected(lines: &[&[u8]], of: &Ecosystem, name: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let base = |ecosystem: &str| ecosystem.split(':').next().unwrap_or_default().to_owned();
    for line in lines {
        let mut record: Value = serde_json::from_slice(line)?;
        let Some(affected) = record["affected"].as_array_mut() else { continue };
        found.extend(affected.drain(..).filter(|one| {
            let text = |key: &str| one["package"][key].as_str().unwrap_or_default();
            base(text("ecosystem")) == base(of.as_str())
                && of.package(text("name")) == of.package(name)
        }));
    }
    Ok(found)
}

/// Returns why only Pavisade finds a record.
fn why_ours(asked: &Asked, reason: &Reason, affected: &[Value]) -> Option<Cause> {
    let has_capitals = |text: &str| text.chars().any(char::is_uppercase);
    let names = affected.iter().filter_map(|one| one["package"]["name"].as_str());
    let is_other = |mut names: Box<dyn Iterator<Item = &str> + '_>| {
        names.all(|name| name != asked.name && name.eq_ignore_ascii_case(&asked.name))
    };
    if asked.ecosystem == "Go" && has_capitals(&asked.name)
        || asked.ecosystem == "NuGet" && is_other(Box::new(names))
    {
        return Some(Cause::Letters);
    }
    let plain = |text: &str| text.trim_start_matches('v').to_owned();
    let mut listed = affected.iter().filter_map(|one| one["versions"].as_array()).flatten();
    let is_listed = listed
        .any(|version| version.as_str().map(plain).as_deref() == Some(&plain(&asked.version)));
    match reason.because {
        Because::Listed => (!is_listed).then_some(Cause::Equal),
        Because::Range { .. } => {
            let behind = |one: &Value| {
                let ranges = one["ranges"].as_array().into_iter().flatten();
                let kinds: Vec<_> = ranges.map(|range| range["type"].as_str()).collect();
                let git = kinds.iter().position(|kind| *kind == Some("GIT"));
                git.is_some_and(|git| kinds[git..].iter().any(|kind| *kind != Some("GIT")))
            };
            (!is_listed && affected.iter().any(behind)).then_some(Cause::BehindGit)
        }
    }
}

/// Returns why only osv-scanner finds a record.
fn why_theirs(asked: &Asked, affected: &[Value]) -> Option<Cause> {
    let ecosystem =
        |one: &Value| one["package"]["ecosystem"].as_str().unwrap_or_default().to_owned();
    let is_of_edge = affected.iter().any(|one| ecosystem(one) == "Alpine");
    let own = affected.iter().filter(|one| ecosystem(one) == asked.ecosystem);
    let is_edge = asked.ecosystem.starts_with("Alpine:v") && is_of_edge;
    (is_edge && own.into_iter().all(|one| is_fixed(asked, one))).then_some(Cause::Edge)
}

/// Returns whether the record has fixed versions for the release itself, none of which is later.
fn is_fixed(asked: &Asked, affected: &Value) -> bool {
    let Some(order) = Ecosystem::read(&asked.ecosystem).order() else { return false };
    let ranges = affected["ranges"].as_array().into_iter().flatten();
    let events = ranges.filter_map(|range| range["events"].as_array()).flatten();
    let mut fixes = events.filter_map(|event| event["fixed"].as_str()).peekable();
    let reached = |fix: &str| {
        let (version, fix) = (Version::read(order, &asked.version), Version::read(order, fix));
        let compared = version.ok().zip(fix.ok()).and_then(|(v, fix)| v.compare(&fix));
        compared.is_some_and(std::cmp::Ordering::is_ge)
    };
    // Fixed in `0` means never affected.
    fixes.peek().is_some() && fixes.all(|fix| fix == "0" || reached(fix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(ecosystem: &str, name: &str, version: &str) -> Asked {
        let [ecosystem, name, version] = [ecosystem, name, version].map(str::to_owned);
        Asked { ecosystem, name, version }
    }

    /// A difference that the record does not explain remains one.
    #[test]
    fn causes_are_in_the_record() {
        let one = |ecosystem: &str, name: &str, more: Value| {
            let mut one = json!({"package": {"ecosystem": ecosystem, "name": name}});
            for (key, value) in more.as_object().into_iter().flatten() {
                one[key] = value.clone();
            }
            one
        };
        let edge = one("Alpine", "a", json!({}));
        let release = one("Alpine:v3.18", "a", json!({}));
        let of_release = asked("Alpine:v3.18", "a", "1");
        assert_eq!(why_theirs(&of_release, std::slice::from_ref(&edge)), Some(Cause::Edge));
        assert_eq!(why_theirs(&of_release, &[edge.clone(), release]), None);
        let fixed = |version: &str| {
            let events = json!([{"introduced": "0"}, {"fixed": version}]);
            let ranges = json!({"ranges": [{"type": "ECOSYSTEM", "events": events}]});
            [edge.clone(), one("Alpine:v3.18", "a", ranges)]
        };
        assert_eq!(why_theirs(&of_release, &fixed("1-r0")), None);
        assert_eq!(why_theirs(&of_release, &fixed("0.9-r9")), Some(Cause::Edge));
        assert_eq!(why_theirs(&asked("Alpine:edge", "a", "1"), &[edge]), None);
        assert_eq!(why_theirs(&asked("npm", "a", "1"), &[]), None);

        let reason = |because| Reason {
            record: "R".to_owned(),
            feed: String::new(),
            package: "a".to_owned(),
            version: "1.5".to_owned(),
            because,
        };
        let listed = reason(Because::Listed);
        let range = reason(Because::Range {
            introduced: "0".to_owned(),
            until: pavisade_vulndb::Until::Open,
        });
        let gem = asked("RubyGems", "a", "1.5");
        let lists = |version: &str| [one("RubyGems", "a", json!({"versions": [version]}))];
        assert_eq!(why_ours(&gem, &listed, &lists("1.5.0")), Some(Cause::Equal));
        assert_eq!(why_ours(&gem, &listed, &lists("1.5")), None);
        let ranges = |kinds: &[&str]| {
            let ranges: Vec<_> = kinds.iter().map(|kind| json!({"type": kind})).collect();
            [one("RubyGems", "a", json!({"ranges": ranges}))]
        };
        assert_eq!(why_ours(&gem, &range, &ranges(&["GIT", "ECOSYSTEM"])), Some(Cause::BehindGit));
        assert_eq!(why_ours(&gem, &range, &ranges(&["ECOSYSTEM", "GIT"])), None);
        let nuget = asked("NuGet", "A.B", "1");
        assert_eq!(
            why_ours(&nuget, &range, &[one("NuGet", "a.b", json!({}))]),
            Some(Cause::Letters)
        );
        assert_eq!(why_ours(&nuget, &range, &[one("NuGet", "A.B", json!({}))]), None);
    }
}
