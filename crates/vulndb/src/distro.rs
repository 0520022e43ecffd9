//! Feeds of distributions in formats other than OSV: the JSON of Debian's security tracker, and
//! Alpine's secdb. They are converted to OSV records with the IDs of OSV's own conversions, so that
//! both are one vulnerability. The secdb of Wolfi and Chainguard is not read; their OSV records
//! are.
//!
//! Both readers were written from documentation, without real data.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::osv;

/// The numbers of Debian releases. `sid` has none.
const DEBIAN: [(&str, &str); 8] = [
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// The result of a conversion.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub records: Vec<osv::Record>,
    /// What was not understood, with its location.
    pub left_out: Vec<(String, String)>,
    /// Why there is no result.
    pub refused: Option<(String, String)>,
}

/// By package and CVE.
type Tracker = BTreeMap<String, BTreeMap<String, Tracked>>;

#[derive(Debug, Deserialize)]
struct Tracked {
    description: Option<String>,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Debug, Deserialize)]
struct Release {
    status: String,
    fixed_version: Option<String>,
    urgency: Option<String>,
    nodsa: Option<String>,
    nodsa_reason: Option<String>,
}

/// Reads the JSON of Debian's security tracker: `{package: {CVE: {releases: {codename: {status,
/// fixed_version, urgency, nodsa, nodsa_reason}}}}}`.
pub(crate) fn tracker(json: &[u8]) -> Result<Converted, serde_json::Error> {
    let tracker: Tracker = serde_json::from_slice(json)?;
    let mut converted = Converted::default();
    let mut records = BTreeMap::<String, osv::Record>::new();
    for (package, tracked) in tracker {
        for (cve, tracked) in tracked {
            let id = format!("DEBIAN-{cve}");
            let url = format!("https://security-tracker.debian.org/tracker/{cve}");
            for (codename, release) in tracked.releases {
                let number = DEBIAN.iter().find(|(name, _)| *name == codename);
                let Some((_, number)) = number else {
                    if codename != "sid" {
                        let what = "Debian release whose number is not known".to_owned();
                        converted.left_out.push((what, codename));
                    }
                    continue;
                };
                let affected = match of_release(&release) {
                    Ok((events, said)) => {
                        affected(format!("Debian:{number}"), &package, events, said)
                    }
                    Err(status) => {
                        let what = format!("status `{status}` in the Debian security tracker");
                        converted.left_out.push((what, cve.clone()));
                        continue;
                    }
                };
                let record = records
                    .entry(cve.clone())
                    .or_insert_with(|| of_cve(id.clone(), &cve, url.clone()));
                record.details = record.details.take().or_else(|| tracked.description.clone());
                record.affected.get_or_insert_default().push(affected);
            }
        }
    }
    converted.records = records.into_values().collect();
    Ok(converted)
}

type Events = Vec<BTreeMap<String, String>>;
/// The vendor's statement about a package, in addition to versions.
type Said = Map<String, Value>;

/// Returns the events of the range and the vendor's statement.
fn of_release(release: &Release) -> Result<(Events, Said), &str> {
    let urgency = release.urgency.as_deref().unwrap_or_default();
    let fixed = release.fixed_version.as_deref().filter(|version| !version.is_empty());
    let state = match (&*release.status, fixed) {
        ("resolved", Some("0")) => return Ok((Vec::new(), said("not affected", ""))),
        ("resolved", Some(fixed)) => return Ok((until(fixed), said("", urgency))),
        ("undetermined", _) => "undetermined",
        ("open", _) if urgency.starts_with("end-of-life") => "end of life",
        ("open", _) => match release.nodsa_reason.as_deref() {
            Some("ignored") => "ignored",
            Some("postponed") => "postponed",
            _ if release.nodsa.is_some() => "no dsa",
            _ => "open",
        },
        (status, _) => return Err(status),
    };
    let urgency = if urgency.starts_with("end-of-life") { "" } else { urgency };
    Ok((vec![event("introduced", "0")], said(state, urgency)))
}

fn said(state: &str, urgency: &str) -> Said {
    let said = [("state", state), ("urgency", urgency)].into_iter();
    said.filter(|(_, word)| !word.is_empty())
        .map(|(key, word)| (key.to_owned(), word.into()))
        .collect()
}

#[derive(Debug, Deserialize)]
struct Secdb {
    distroversion: Option<String>,
    #[serde(default)]
    packages: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    pkg: Fixes,
}

#[derive(Debug, Deserialize)]
struct Fixes {
    name: String,
    #[serde(default)]
    secfixes: BTreeMap<String, Vec<String>>,
}

/// Reads a secdb: `{distroversion, packages: [{pkg: {name, secfixes: {version: [ids]}}}]}`. Version
/// `0` means that the package was never affected.
pub(crate) fn secdb(json: &[u8]) -> Result<Converted, serde_json::Error> {
    let secdb: Secdb = serde_json::from_slice(json)?;
    let mut converted = Converted::default();
    let version = secdb.distroversion.unwrap_or_default();
    if !version.starts_with('v') && version != "edge" {
        let what = "secdb without an Alpine release".to_owned();
        converted.refused = Some((what, version));
        return Ok(converted);
    }
    let ecosystem = format!("Alpine:{version}");
    let mut records = BTreeMap::<String, osv::Record>::new();
    for Listed { pkg } in secdb.packages {
        for (fixed, lines) in &pkg.secfixes {
            // `CVE-2019-1 CVE-2019-2 (+ regression fix)`.
            let words = lines.iter().flat_map(|line| line.split_whitespace());
            for id in words.filter(|word| is_advisory(word)) {
                let (events, said) = match &**fixed {
                    "0" => (Vec::new(), said("not affected", "")),
                    fixed => (until(fixed), Said::new()),
                };
                let record = records.entry(id.to_owned()).or_insert_with(|| {
                    let url = format!("https://security.alpinelinux.org/vuln/{id}");
                    of_cve(format!("ALPINE-{id}"), id, url)
                });
                let affected = affected(ecosystem.clone(), &pkg.name, events, said);
                record.affected.get_or_insert_default().push(affected);
            }
        }
    }
    converted.records = records.into_values().collect();
    Ok(converted)
}

fn is_advisory(word: &str) -> bool {
    let (letters, number) = word.split_once('-').unwrap_or_default();
    letters.len() >= 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && number.bytes().any(|byte| byte.is_ascii_digit())
}

fn of_cve(id: String, cve: &str, url: String) -> osv::Record {
    osv::Record {
        id,
        modified: None,
        published: None,
        withdrawn: None,
        aliases: None,
        related: None,
        upstream: Some(vec![cve.to_owned()]),
        summary: None,
        details: None,
        severity: None,
        affected: None,
        references: Some(vec![osv::Reference { r#type: Some("ADVISORY".to_owned()), url }]),
        database_specific: None,
    }
}

fn affected(ecosystem: String, name: &str, events: Events, said: Said) -> osv::Affected {
    let range = || vec![osv::Range { r#type: "ECOSYSTEM".to_owned(), events: events.clone() }];
    osv::Affected {
        package: Some(osv::Package { ecosystem, name: name.to_owned() }),
        severity: None,
        ranges: (!events.is_empty()).then(range),
        versions: None,
        ecosystem_specific: Some(said),
        database_specific: None,
    }
}

fn until(fixed: &str) -> Events {
    vec![event("introduced", "0"), event("fixed", fixed)]
}

fn event(kind: &str, version: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(kind.to_owned(), version.to_owned())])
}
