//! From OSV records and signals to the bytes of a database.
//!
//! The same input gives the same bytes, in whatever order it comes. What is not understood is
//! counted by what it is, with an example each.

use std::collections::BTreeMap;

use pavisade_model::Severity;
use serde_json::{Map, Value};

use crate::database::State;
use crate::ecosystem::Ecosystem;
use crate::osv;
use crate::range::{self, Kind, Place};
use crate::score::{of_vector, of_word};
use crate::signals::{self, Epss, Kev, cve};
use crate::version::Version;

/// The longest record that is read, in bytes.
const LONGEST_RECORD: usize = 16 << 20;
/// The longest text that is kept of a title, in bytes.
const LONGEST_TITLE: usize = 200;

/// How many comparisons a record is worth.
const MOST_COMPARISONS: usize = 1 << 20;

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feed<'a> {
    /// Its name, as scores and reports say it: `debian`, `github`.
    pub name: &'a str,
    /// The licence of its data.
    pub licence: &'a str,
}

/// What became of the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records were read.
    pub records: usize,
    /// How many are in the database.
    pub kept: usize,
    /// How many were withdrawn by those who published them.
    pub withdrawn: usize,
    /// What was not understood or not used, by what it is.
    pub left_out: BTreeMap<String, LeftOut>,
}

/// How often something was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How often.
    pub count: usize,
    /// Where it was seen first.
    pub example: String,
}

impl Report {
    pub(crate) fn note(&mut self, what: &str, example: &str) {
        let left_out = self.left_out.entry(what.to_owned()).or_default();
        left_out.count += 1;
        if left_out.example.is_empty() {
            left_out.example = example.chars().take(120).collect();
        }
    }
}

/// Collects records and signals.
#[derive(Debug, Default)]
pub struct Builder {
    /// Licences by the names of feeds, and the newest change.
    pub(crate) feeds: BTreeMap<String, (String, String)>,
    /// By feed and id.
    pub(crate) records: BTreeMap<(String, String), Record>,
    pub(crate) epss: BTreeMap<u64, Epss>,
    pub(crate) kev: BTreeMap<u64, Kev>,
    pub(crate) scores: BTreeMap<u64, Vec<(String, String)>>,
    pub(crate) report: Report,
}

#[derive(Debug)]
pub(crate) struct Record {
    modified: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) covers: Vec<String>,
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) rating: Severity,
    pub(crate) vectors: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) ecosystem: Ecosystem,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) rating: Severity,
    pub(crate) ranges: Vec<Vec<(Kind, String)>>,
    pub(crate) versions: Vec<String>,
    pub(crate) fixed: Vec<String>,
    pub(crate) vectors: Vec<String>,
}

impl Builder {
    /// Reads OSV records, a line each.
    pub fn records(&mut self, feed: Feed<'_>, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
        {
            self.record(feed, line);
        }
    }

    /// Reads an OSV record.
    pub fn record(&mut self, feed: Feed<'_>, json: &[u8]) {
        self.report.records += 1;
        if json.len() > LONGEST_RECORD {
            return self.report.note("record of more than 16 MiB", feed.name);
        }
        let record: osv::Record = match serde_json::from_slice(json) {
            Ok(record) => record,
            Err(error) => {
                let example = format!("{}: {error}", feed.name);
                return self.report.note("record that is no OSV", &example);
            }
        };
        if record.withdrawn.is_some() {
            self.report.withdrawn += 1;
            return;
        }
        let (id, modified) = (record.id.clone(), record.modified.clone().unwrap_or_default());
        if id.is_empty() {
            return self.report.note("record without an id", feed.name);
        }
        let Some(record) = self.read(record) else { return };
        let known = self.feeds.entry(feed.name.to_owned()).or_default();
        feed.licence.clone_into(&mut known.0);
        // A feed that was written for nobody says the year 1.
        if known.1 < modified {
            known.1.clone_from(&modified);
        }
        let key = (feed.name.to_owned(), id);
        if let Some(before) = self.records.get(&key) {
            self.report.note("older copy of a record", &key.1);
            // The newer one; where both say the same, one that does not depend on their order.
            let weight = |record: &Record| (record.entries.len(), format!("{record:?}"));
            let older = before.modified.cmp(&modified);
            if older.then_with(|| weight(before).cmp(&weight(&record))).is_gt() {
                return;
            }
        }
        self.records.insert(key, record);
    }

    /// Reads scores by CVE, a line each: `{"id": "CVE-…", "severity": [{"type", "score"}]}`.
    pub fn scores(&mut self, feed: Feed<'_>, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
        {
            let read = serde_json::from_slice::<signals::ScoresOfCve>(line).ok();
            let Some((id, scores)) = read.and_then(|read| Some((cve(&read.id)?, read.severity)))
            else {
                self.report.note("line that is no score of a CVE", feed.name);
                continue;
            };
            let known = self.feeds.entry(feed.name.to_owned()).or_default();
            feed.licence.clone_into(&mut known.0);
            for severity in scores {
                if of_vector(&severity.score).is_none() {
                    self.report.note("severity that is no CVSS vector", &severity.score);
                    continue;
                }
                let of_cve = self.scores.entry(id).or_default();
                of_cve.push((feed.name.to_owned(), severity.score));
            }
        }
    }

    /// Reads the CSV of EPSS.
    pub fn epss(&mut self, text: &str) {
        let (scores, refused) = signals::epss(text);
        self.epss.extend(scores);
        for _ in 0..refused {
            self.report.note("line that is none of EPSS", "epss");
        }
    }

    /// Reads CISA's catalog of known exploited vulnerabilities.
    pub fn exploited(&mut self, json: &[u8]) {
        match signals::kev(json) {
            Ok((entries, refused)) => {
                self.kev.extend(entries);
                for _ in 0..refused {
                    self.report.note("entry of CISA's catalog that is none", "kev");
                }
            }
            Err(error) => self.report.note("catalog that is not CISA's", &error.to_string()),
        }
    }

    fn read(&mut self, record: osv::Record) -> Option<Record> {
        let id = record.id;
        let affected = record.affected.unwrap_or_default();
        let entries: Vec<_> = affected.into_iter().filter_map(|a| self.entry(&id, a)).collect();
        let vendor = entries.iter().any(|entry| entry.ecosystem.is_distribution());
        let mut covers = record.upstream.unwrap_or_default();
        if vendor {
            covers.extend(record.related.unwrap_or_default());
        }
        covers.retain(|id| cve(id).is_some());
        sort(&mut covers);
        let mut aliases = record.aliases.unwrap_or_default();
        aliases.retain(|alias| *alias != id);
        sort(&mut aliases);
        if entries.is_empty() {
            self.report.note("record that names no package", &id);
            return None;
        }
        // Enhancements and fixes of other faults, as vendors publish them beside the others.
        let letters = id.split('-').next().unwrap_or_default();
        let other = ["ALBA", "ALEA", "RHBA", "RHEA", "RLBA", "RLEA"].contains(&letters);
        if other && covers.is_empty() && !aliases.iter().any(|alias| cve(alias).is_some()) {
            self.report.note("record about an update that fixes no vulnerability", &id);
            return None;
        }
        let mut title = record.summary.unwrap_or_default();
        if title.trim().is_empty() {
            let details = record.details.unwrap_or_default();
            let first = details.lines().map(str::trim).find(|line| !line.is_empty());
            title = first.unwrap_or_default().trim_start_matches('#').to_owned();
        }
        let references = record.references.unwrap_or_default();
        let advisory = references.iter().find(|r| r.r#type.as_deref() == Some("ADVISORY"));
        let url = advisory.or(references.first()).map_or_else(String::new, |r| r.url.clone());
        let (vectors, mut rating) = self.severities(record.severity.unwrap_or_default());
        rating = rating.max(rating_of(record.database_specific.as_ref()));
        let modified = record.modified.unwrap_or_default();
        let title = shorten(title.trim());
        Some(Record { modified, aliases, covers, title, url, rating, vectors, entries })
    }

    fn entry(&mut self, id: &str, affected: osv::Affected) -> Option<Entry> {
        let package = affected.package.filter(|p| !p.name.is_empty() && !p.ecosystem.is_empty());
        let Some(package) = package else {
            self.report.note("affected code that is in no package", id);
            return None;
        };
        let ecosystem = Ecosystem::read(&package.ecosystem);
        let name = ecosystem.package(&package.name);
        let mut ranges = Vec::new();
        for range in affected.ranges.unwrap_or_default() {
            if range.r#type != "SEMVER" && range.r#type != "ECOSYSTEM" {
                self.report.note(&format!("range of the type {}", range.r#type), id);
                continue;
            }
            let mut events = Vec::new();
            for (what, version) in range.events.into_iter().flatten() {
                match what.as_str() {
                    "introduced" => events.push((Kind::Introduced, version)),
                    "fixed" => events.push((Kind::Fixed, version)),
                    "last_affected" => events.push((Kind::LastAffected, version)),
                    other => self.report.note(&format!("event `{other}` of a range"), id),
                }
            }
            ranges.push(events);
        }
        let mut versions = affected.versions.unwrap_or_default();
        sort(&mut versions);
        self.check(id, &ecosystem, &ranges, &mut versions);
        let specific = [affected.ecosystem_specific, affected.database_specific];
        let mut state = State::Silent;
        let mut fixed = Vec::new();
        let (vectors, mut rating) = self.severities(affected.severity.unwrap_or_default());
        for object in specific.iter().flatten() {
            rating = rating.max(rating_of(Some(object)));
            for word in STATES.iter().filter_map(|key| object.get(*key)?.as_str()) {
                match state_of(word) {
                    Some(said) => state = said,
                    None => self.report.note(&format!("state `{word}` of a package"), id),
                }
            }
            let listed = object.get("fixed_versions").and_then(Value::as_array);
            let listed = listed.into_iter().flatten().filter_map(Value::as_str);
            fixed.extend(listed.map(str::to_owned));
        }
        sort(&mut fixed);
        if ranges.is_empty() && versions.is_empty() && state == State::Silent {
            self.report.note("package of which no versions are named", id);
        }
        Some(Entry { ecosystem, name, state, rating, ranges, versions, fixed, vectors })
    }

    /// Tells what cannot be compared, and drops listed versions that lie in a range anyway.
    fn check(
        &mut self,
        id: &str,
        ecosystem: &Ecosystem,
        ranges: &[Vec<(Kind, String)>],
        versions: &mut Vec<String>,
    ) {
        let Some(order) = ecosystem.order() else {
            if !ranges.is_empty() {
                let what = format!("range of {}, whose order is not known", ecosystem.as_str());
                self.report.note(&what, id);
            }
            return;
        };
        for range in ranges {
            if let Err(text) = range::sort(order, range) {
                let what = format!("event that is no version of {}", ecosystem.as_str());
                self.report.note(&what, &format!("{id}: {text}"));
            }
        }
        // A record whose work would grow faster than its bytes keeps its list.
        if versions.len().saturating_mul(ranges.iter().map(Vec::len).sum()) > MOST_COMPARISONS {
            return;
        }
        versions.retain(|text| {
            let Ok(version) = Version::read(order, text) else { return true };
            let inside =
                |range: &Vec<_>| matches!(range::place(order, range, &version), Place::Inside(_));
            !ranges.iter().any(inside)
        });
    }

    fn severities(&mut self, severities: Vec<osv::Severity>) -> (Vec<String>, Severity) {
        let mut rating = Severity::Unknown;
        let mut vectors = Vec::new();
        for severity in severities {
            if of_vector(&severity.score).is_some() {
                vectors.push(severity.score);
            } else if of_word(&severity.score) != Severity::Unknown {
                rating = rating.max(of_word(&severity.score));
            } else {
                let example = format!("{} {}", severity.r#type, severity.score);
                self.report.note("severity that is no CVSS vector", &example);
            }
        }
        sort(&mut vectors);
        (vectors, rating)
    }
}

fn sort(texts: &mut Vec<String>) {
    texts.sort_unstable();
    texts.dedup();
}

fn shorten(text: &str) -> String {
    let mut end = LONGEST_TITLE.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = text[..end].lines().next().unwrap_or_default();
    if line.len() < text.len() { format!("{}…", line.trim_end()) } else { line.to_owned() }
}

/// Where feeds write how bad it is.
fn rating_of(object: Option<&Map<String, Value>>) -> Severity {
    let Some(object) = object else { return Severity::Unknown };
    let words = ["severity", "urgency", "ratings"].into_iter().filter_map(|key| object.get(key));
    let words = words.flat_map(|value| match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    });
    words.map(of_word).max().unwrap_or(Severity::Unknown)
}

/// Where feeds write what a vendor does about it.
const STATES: [&str; 5] = ["fix_state", "state", "status", "sub_state", "urgency"];

fn state_of(word: &str) -> Option<State> {
    let word = word.trim().to_lowercase().replace(['-', '_'], " ");
    Some(match word.trim_end_matches('*') {
        "not affected" | "known not affected" | "dne" => State::NotAffected,
        "end of life" | "eol" | "ignored" | "wontfix" | "won't fix" | "will not fix" => {
            State::WontFix
        }
        "affected" | "needed" | "pending" | "postponed" | "deferred" | "fix deferred"
        | "no dsa" | "open" | "active" => State::NotFixed,
        "undetermined" | "under investigation" | "needs triage" => State::Undetermined,
        // Ranges say it.
        "fixed" | "resolved" | "released" | "not yet assigned" => State::Silent,
        rating if of_word(rating) != Severity::Unknown => State::Silent,
        _ => return None,
    })
}
