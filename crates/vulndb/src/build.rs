//! Builds a database from OSV records and signals.
//!
//! The same input gives the same bytes, regardless of its order. Input that is not understood is
//! counted by type, with an example of each.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pavisade_model::Severity;
use serde_json::Value;

use crate::database::State;
use crate::distro::{self, Converted};
use crate::ecosystem::Ecosystem;
use crate::home::{self, Home};
use crate::osv;
use crate::range::{self, Kind, Place};
use crate::report::Report;
use crate::score::{of_vector, of_word};
use crate::signals::{self, Epss, Kev, cve};
use crate::version::Version;
use crate::words::{STATES, is_id, rating_of, shorten, state_of};

/// The largest record in bytes.
const LONGEST_RECORD: usize = 16 << 20;

/// The licence of data for which none is stated.
const NOT_STATED: &str = "license not known";

/// The largest number of comparisons for one record.
const MOST_COMPARISONS: usize = 1 << 20;

/// The source of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feed<'a> {
    /// The name used in scores and reports: `debian`, `github`.
    pub name: &'a str,
    /// The licence of its data; empty to use that of each record's own database.
    pub licence: &'a str,
}

/// Collects records and signals.
#[derive(Debug, Default)]
pub struct Builder {
    pub(crate) feeds: BTreeMap<String, FeedRead>,
    /// By feed and ID.
    pub(crate) records: BTreeMap<(String, String), Record>,
    pub(crate) epss: BTreeMap<u64, Epss>,
    pub(crate) kev: BTreeMap<u64, Kev>,
    pub(crate) scores: BTreeMap<u64, Vec<(String, String)>>,
    /// The ID or alias, the record, and the time of its withdrawal.
    pub(crate) withdrawn: BTreeSet<(String, String, String)>,
    pub(crate) report: Report,
    texts: HashSet<Text>,
}

impl FeedRead {
    /// Returns the time of the newest change of a record; for a feed with only signals, the time of
    /// their publication.
    pub(crate) fn newest(&self) -> &str {
        if self.has_records { &self.newest } else { &self.published }
    }
}

/// What was read of a feed.
#[derive(Debug, Default)]
pub(crate) struct FeedRead {
    pub(crate) licences: BTreeSet<String>,
    /// Whether it contains records of databases whose real records were not available while this
    /// code was written.
    pub(crate) untried: bool,
    /// The newest change of a record.
    pub(crate) newest: String,
    /// The number of rows with signals.
    pub(crate) rows: usize,
    /// The time when the signals were published.
    pub(crate) published: String,
    /// Whether it contains records.
    pub(crate) has_records: bool,
}

/// A string that many records share.
pub(crate) type Text = Arc<str>;

#[derive(Debug)]
pub(crate) struct Record {
    modified: Text,
    pub(crate) aliases: Vec<Text>,
    pub(crate) covers: Vec<Text>,
    pub(crate) title: Text,
    pub(crate) url: Text,
    pub(crate) rating: Severity,
    pub(crate) vectors: Vec<Text>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) ecosystem: Text,
    pub(crate) name: Text,
    pub(crate) state: State,
    pub(crate) rating: Severity,
    pub(crate) ranges: Vec<Vec<(Kind, Text)>>,
    pub(crate) versions: Vec<Text>,
    pub(crate) fixed: Vec<Text>,
    pub(crate) vectors: Vec<Text>,
}

impl Builder {
    /// Reads OSV records, one per line.
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
            return self.report.damage("record of more than 16 MiB", feed.name);
        }
        let record: osv::Record = match serde_json::from_slice(json) {
            Ok(record) => record,
            Err(error) => {
                let example = format!("{}: {error}", feed.name);
                return self.report.damage("record that is not OSV", &example);
            }
        };
        if let Some(time) = record.withdrawn {
            self.report.withdrawn += 1;
            let ids = [&record.id].into_iter().chain(record.aliases.iter().flatten());
            let ids = ids.filter(|id| is_id(id)).cloned().collect::<Vec<_>>();
            let rows = ids.into_iter().map(|id| (id, record.id.clone(), time.clone()));
            self.withdrawn.extend(rows);
            return;
        }
        if let Some((key, record)) = self.admit(feed, record) {
            self.keep(key, record);
        }
    }

    /// Reads the JSON of Debian's security tracker.
    ///
    /// Written from the documentation without real data.
    pub fn debian_tracker(&mut self, feed: Feed<'_>, json: &[u8]) {
        let name = format!("{}/tracker", feed.name);
        let feed = Feed { name: &name, ..feed };
        self.converted(
            feed,
            distro::tracker(json),
            "JSON that is not from the Debian security tracker",
        );
    }

    /// Reads one Alpine secdb: one repository of one release.
    ///
    /// Written from the documentation without real data.
    pub fn alpine_secdb(&mut self, feed: Feed<'_>, json: &[u8]) {
        let name = format!("{}/secdb", feed.name);
        let feed = Feed { name: &name, ..feed };
        self.converted(feed, distro::secdb(json), "JSON that is not from Alpine secdb");
    }

    fn converted(
        &mut self,
        feed: Feed<'_>,
        read: Result<Converted, serde_json::Error>,
        refused: &str,
    ) {
        let Converted { records, left_out, refused } = match read {
            Ok(converted) => converted,
            Err(error) => {
                return self.report.damage(refused, &format!("{}: {error}", feed.name));
            }
        };
        if let Some((what, example)) = refused {
            self.report.damage(&what, &format!("{}: {example}", feed.name));
        }
        for (what, example) in left_out {
            self.report.note(&what, &example);
        }
        for record in records {
            self.report.records += 1;
            let Some((key, record)) = self.admit(feed, record) else { continue };
            // Each file contains only part of the data about a CVE.
            let Some(known) = self.records.get_mut(&key) else {
                self.records.insert(key, record);
                continue;
            };
            known.entries.extend(record.entries);
            let of = |entry: &Entry| (entry.ecosystem.clone(), entry.name.clone());
            known.entries.sort_by_cached_key(|entry| (of(entry), format!("{entry:?}")));
            known.entries.dedup();
        }
    }

    /// Converts a record for storage, and returns its key.
    fn admit(&mut self, feed: Feed<'_>, record: osv::Record) -> Option<((String, String), Record)> {
        let (id, modified) = (record.id.clone(), record.modified.clone().unwrap_or_default());
        if !is_id(&id) {
            self.report.note("record without a valid ID", &id);
            return None;
        }
        // The modification time of Go's records is in the year 1.
        let changed = record.published.clone().unwrap_or_default().max(modified.clone());
        let record = self.read(record)?;
        let ecosystem = record.entries.first().map_or("", |entry| &entry.ecosystem);
        self.feed(feed, Home::of(&id, ecosystem), &changed, None);
        Some(((feed.name.to_owned(), id), record))
    }

    fn keep(&mut self, key: (String, String), record: Record) {
        if let Some(before) = self.records.get(&key) {
            self.report.note("older copy of a record", &key.1);
            // Keep the newer record; for equal times, one that does not depend on their order.
            let weight = |record: &Record| (record.entries.len(), format!("{record:?}"));
            let older = before.modified.cmp(&record.modified);
            if older.then_with(|| weight(before).cmp(&weight(&record))).is_gt() {
                return;
            }
        }
        self.records.insert(key, record);
    }

    /// Reads scores by CVE, one per line: `{"id": "CVE-…", "severity": [{"type", "score"}]}`.
    pub fn scores(&mut self, feed: Feed<'_>, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
        {
            let read = serde_json::from_slice::<signals::ScoresOfCve>(line).ok();
            let Some((id, scores)) = read.and_then(|read| Some((cve(&read.id)?, read.severity)))
            else {
                self.report.note("line that is not a CVE score", feed.name);
                continue;
            };
            self.feed(feed, home::SCORES, "", Some(1));
            for severity in scores {
                if of_vector(&severity.score).is_none() {
                    self.report.note("severity that is not a CVSS vector", &severity.score);
                    continue;
                }
                let of_cve = self.scores.entry(id).or_default();
                of_cve.push((feed.name.to_owned(), severity.score));
            }
        }
    }

    /// Reads the CSV file of EPSS.
    pub fn epss(&mut self, feed: Feed<'_>, text: &str) {
        let (scores, refused) = signals::epss(text);
        let date = text.lines().next().and_then(|line| line.split_once("score_date:"));
        let date = date.map_or("", |(_, date)| date.split(',').next().unwrap_or_default());
        self.feed(feed, home::EPSS, date.trim(), Some(scores.len()));
        self.epss.extend(scores);
        for _ in 0..refused {
            self.report.note("line that is not from EPSS", feed.name);
        }
    }

    /// Reads CISA's catalog of known exploited vulnerabilities.
    pub fn exploited(&mut self, feed: Feed<'_>, json: &[u8]) {
        match signals::kev(json) {
            Ok(catalog) => {
                self.feed(feed, home::CATALOG, &catalog.released, Some(catalog.entries.len()));
                self.kev.extend(catalog.entries);
                for _ in 0..catalog.refused {
                    self.report.note("invalid entry in the CISA catalog", feed.name);
                }
            }
            Err(error) => self.report.damage("catalog that is not from CISA", &error.to_string()),
        }
    }

    /// Counts a record of a feed, or a number of signal rows.
    fn feed(&mut self, feed: Feed<'_>, home: Home, changed: &str, rows: Option<usize>) {
        let known = self.feeds.entry(feed.name.to_owned()).or_default();
        let licence = if feed.licence.is_empty() { home.licence } else { feed.licence };
        let licence = if licence.is_empty() { NOT_STATED } else { licence };
        if !known.licences.contains(licence) {
            known.licences.insert(licence.to_owned());
        }
        known.untried |= !home.tried;
        known.rows += rows.unwrap_or(0);
        known.has_records |= rows.is_none();
        let newest = if rows.is_some() { &mut known.published } else { &mut known.newest };
        if newest.as_str() < changed {
            changed.clone_into(newest);
        }
    }

    fn read(&mut self, record: osv::Record) -> Option<Record> {
        let id = record.id;
        let affected = record.affected.unwrap_or_default();
        let entries: Vec<_> = affected.into_iter().filter_map(|a| self.entry(&id, a)).collect();
        let vendor = |entry: &Entry| Ecosystem::read(&entry.ecosystem).is_distribution();
        let vendor = entries.iter().any(vendor);
        let mut covers = record.upstream.unwrap_or_default();
        if vendor {
            covers.extend(record.related.unwrap_or_default());
        }
        covers.retain(|id| is_id(id) && cve(id).is_some());
        sort(&mut covers);
        let mut aliases = record.aliases.unwrap_or_default();
        aliases.retain(|alias| *alias != id && is_id(alias));
        sort(&mut aliases);
        if entries.is_empty() {
            self.report.note("record without a package", &id);
            return None;
        }
        // Enhancements and bug fixes, which vendors publish together with security advisories.
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
        // Links of other schemes could run code when clicked.
        let mut references = record.references.unwrap_or_default();
        references.retain(|r| r.url.starts_with("https://") || r.url.starts_with("http://"));
        let advisory = references.iter().find(|r| r.r#type.as_deref() == Some("ADVISORY"));
        let url = advisory.or(references.first()).map_or_else(String::new, |r| r.url.clone());
        let (vectors, mut rating) = self.severities(record.severity.unwrap_or_default());
        rating = rating.max(rating_of(record.database_specific.as_ref()));
        // Records of malicious packages have no score: they are critical.
        if [&id].into_iter().chain(&aliases).any(|id| id.starts_with("MAL-")) {
            rating = Severity::Critical;
        }
        Some(Record {
            modified: self.text(&record.modified.unwrap_or_default()),
            aliases: self.list(&aliases),
            covers: self.list(&covers),
            title: self.text(&shorten(title.trim())),
            url: self.text(&url),
            rating,
            vectors: self.list(&vectors),
            entries,
        })
    }

    fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new = Text::from(text);
        self.texts.insert(new.clone());
        new
    }

    fn list(&mut self, texts: &[String]) -> Vec<Text> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn entry(&mut self, id: &str, affected: osv::Affected) -> Option<Entry> {
        let package = affected.package.filter(|p| !p.name.is_empty() && !p.ecosystem.is_empty());
        let Some(package) = package else {
            self.report.note("affected code that is not in a package", id);
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
                    // Urgency does not say whether there is a fix.
                    Some(State::Silent) => {}
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
            self.report.note("package without versions", id);
        }
        let ranges = ranges.into_iter().map(|events: Vec<(Kind, String)>| {
            events.into_iter().map(|(kind, version)| (kind, self.text(&version))).collect()
        });
        Some(Entry {
            ranges: ranges.collect(),
            ecosystem: self.text(ecosystem.as_str()),
            name: self.text(&name),
            state,
            rating,
            versions: self.list(&versions),
            fixed: self.list(&fixed),
            vectors: self.list(&vectors),
        })
    }

    /// Reports what cannot be compared, and drops listed versions that are in a range anyway.
    fn check(
        &mut self,
        id: &str,
        ecosystem: &Ecosystem,
        ranges: &[Vec<(Kind, String)>],
        versions: &mut Vec<String>,
    ) {
        let Some(order) = ecosystem.order() else {
            if !ranges.is_empty() {
                let what =
                    format!("range of {}, whose version order is not known", ecosystem.as_str());
                self.report.note(&what, id);
            }
            return;
        };
        for range in ranges {
            if let Err(text) = range::sort(order, range) {
                let what = format!("event that is not a version of {}", ecosystem.as_str());
                self.report.note(&what, &format!("{id}: {text}"));
            }
        }
        // Keep the list if the work would be out of proportion to the record's size.
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
                self.report.note("severity that is not a CVSS vector", &example);
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
