//! `debian`: Debian installations, and the CVEs of their packages according to Debian's changelogs.
//!
//! Every `NAME.dpkg-status` with a `NAME.truth.jsonl` is matched against the Debian advisories of
//! `../shared`. A case is a CVE of a source package, which must be found with the version that
//! fixes it. Additional findings must be explained: they are ignored if the fix is the upload of
//! which the installed version is a rebuild for the release (`X~deb11u1` of `X`), and otherwise
//! count as disagreements.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use pavisade_packages::Reader;
use pavisade_vulndb::{Builder, Database, Ecosystem, Feed, Matcher, Target};
use serde::Deserialize;

use super::Outcome;
use crate::shared::{files, shared};

#[derive(Deserialize)]
struct Case {
    cve: String,
    source: String,
    fixed: String,
    /// The release: `bullseye-security`.
    dist: String,
}

/// The fixed version, the installed version and the records, by CVE and source package.
type Found = BTreeMap<(String, String), (String, String, Vec<String>)>;

const RELEASES: [(&str, &str); 5] =
    [("bullseye", "11"), ("bookworm", "12"), ("trixie", "13"), ("buster", "10"), ("stretch", "9")];

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let Some(bytes) = database()? else { return Ok(outcome) };
    let mut matcher = Matcher::new(Database::open(&bytes)?);
    for file in files(folder, &["dpkg-status"])? {
        let name = file.trim_end_matches(".dpkg-status");
        let cases = folder.join(format!("{name}.truth.jsonl"));
        let Ok(cases) = fs::read_to_string(&cases) else { continue };
        let cases = cases.lines().map(serde_json::from_str).collect::<Result<Vec<Case>, _>>()?;
        let release = cases.iter().find_map(|case| {
            let known = RELEASES.iter().find(|(code, _)| case.dist.starts_with(code));
            known.map(|(_, number)| *number)
        });
        let release = release.with_context(|| format!("{name}: of which release is this?"))?;
        let ecosystem = Ecosystem::read(&format!("Debian:{release}"));
        let status = fs::read(folder.join(&file))?;
        let found = found(&mut matcher, &ecosystem, &status)?;
        let mut known = BTreeSet::new();
        // Kernel headers do not run.
        let (mut of_linux, mut found_of_linux) = (0, 0);
        for case in cases {
            let key = (case.cve, case.source);
            let got = found.get(&key).map(|(fixed, ..)| fixed.as_str());
            let agreed = got == Some(case.fixed.as_str());
            of_linux += usize::from(key.1 == "linux");
            found_of_linux += usize::from(agreed && key.1 == "linux");
            outcome.count(agreed, || {
                format!("{name}: {key:?}: fixed in {}, we say {got:?}", case.fixed)
            });
            known.insert(key);
        }
        let of_all = known.len();
        println!("{name}: {of_all} CVEs, of which {of_linux} of linux ({found_of_linux} agreed)");
        for (key, (fixed, installed, records)) in found {
            if known.contains(&key) {
                continue;
            }
            let (cve, source) = &key;
            let records = records.join(", ");
            if installed.strip_prefix(&fixed).is_some_and(|rest| rest.starts_with("~deb")) {
                println!(
                    "beside them: {name}: {cve} {source} {installed}: {records} says {fixed}, of \
                     which this is a rebuild"
                );
                continue;
            }
            outcome.count(false, || {
                format!("{name}: {cve} {source} {installed}: not expected, by {records}")
            });
        }
    }
    Ok(outcome)
}

/// Builds a database of all Debian advisories; `None` if they are missing.
fn database() -> anyhow::Result<Option<Vec<u8>>> {
    let mut builder = Builder::default();
    for name in ["debian-changelogs", "debian-dsa-dla"] {
        let Some(path) = shared(&format!("data/advisories/{name}.jsonl.zst")) else {
            return Ok(None);
        };
        let mut lines = Vec::new();
        let mut decoder = zstd::Decoder::new(fs::File::open(path)?)?;
        decoder.window_log_max(27)?;
        decoder.read_to_end(&mut lines)?;
        builder.records(Feed { name, licence: "" }, &lines);
    }
    Ok(Some(builder.finish()?.0))
}

fn found(matcher: &mut Matcher<'_>, ecosystem: &Ecosystem, status: &[u8]) -> anyhow::Result<Found> {
    // The suite was built from configured packages; three more are only unpacked.
    let text = String::from_utf8_lossy(status);
    let is_meant = |one: &&str| one.contains("\nStatus: install ok installed\n");
    let configured: Vec<_> = text.split("\n\n").filter(is_meant).collect();
    let contents = Reader::Dpkg.read(configured.join("\n\n").as_bytes());
    ensure!(contents.problems.is_empty(), "{:?}", contents.problems);
    let mut found = Found::new();
    for package in contents.packages {
        let source = package.source.as_ref().map(|s| (s.name.as_str(), s.version.as_str()));
        let (name, version) = (package.name.as_str(), package.version.as_str());
        let answer = matcher.find(Target { ecosystem, name, version, source })?;
        ensure!(answer.undecided.is_empty(), "{:?}", answer.undecided);
        for hit in answer.hits {
            let records = hit.reasons.iter().map(|reason| reason.record.clone()).collect();
            let fixed = hit.fix.version().unwrap_or_default().to_owned();
            let (source, installed) = source.unwrap_or((name, version));
            let key = (hit.advisory.id.clone(), source.to_owned());
            found.insert(key, (fixed, installed.to_owned(), records));
        }
    }
    Ok(found)
}
