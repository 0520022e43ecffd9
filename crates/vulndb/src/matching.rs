//! Determines which advisories apply to a package version, and why.
//!
//! Records of several feeds with a common ID are one vulnerability. A vendor's advisory that covers
//! several CVEs counts as one vulnerability for each. A record that cannot be decided (the order
//! rejects the version or an event of a range) is reported and never treated as not affected.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::{Advisory, Epss, FixState, Severity};

use crate::database::{Database, Entry, Record, State, scores};
use crate::ecosystem::Ecosystem;
use crate::format::DatabaseError;
use crate::range::{Because, Place, Until, place};
use crate::score::severity;
use crate::version::{Order, Version};

/// A package version.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The ecosystem.
    pub ecosystem: &'a Ecosystem,
    /// The name as written by the package manager.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// The name and version of the source package, if they differ.
    pub source: Option<(&'a str, &'a str)>,
}

/// What the database contains about a package.
#[derive(Debug, Default)]
pub struct Answer {
    /// The vulnerabilities by ID.
    pub hits: Vec<Hit>,
    /// Records that could not be decided.
    pub undecided: Vec<Undecided>,
}

/// A vulnerability of a package.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The advisory.
    pub advisory: Arc<Advisory>,
    /// Whether a version with a fix exists.
    pub fix: FixState,
    /// The severity from scores, or else from the vendor's rating.
    pub severity: Severity,
    /// The records that apply, at least one.
    pub reasons: Vec<Reason>,
}

/// A record that applies to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The ID.
    pub record: String,
    /// The feed.
    pub feed: String,
    /// The package name in the record: that of the source package if advisories name these.
    pub package: String,
    /// The version that was compared.
    pub version: String,
    /// Why it applies to that version.
    pub because: Because,
}

/// A record that could not be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// The ID.
    pub record: String,
    /// The reason, as part of a sentence.
    pub why: String,
}

/// The result of one record for a package version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The version is affected.
    Affected(Because, FixState),
    /// The version is in no range and not listed.
    Outside,
    /// The vendor states that the package is not affected.
    NotAffected,
    /// The record could not be decided, for this reason.
    Undecided(String),
}

/// Matches packages; each advisory is created once.
#[derive(Debug)]
pub struct Matcher<'a> {
    pub(crate) database: Database<'a>,
    /// By IDs and vectors.
    made: HashMap<Vec<String>, Arc<Advisory>>,
}

/// A vulnerability of a package.
#[derive(Default)]
struct Found<'a> {
    /// IDs that join it with others.
    ids: Vec<&'a str>,
    /// Other IDs.
    others: Vec<&'a str>,
    records: Vec<Said<'a>>,
}

/// A record that applies.
#[derive(Clone)]
struct Said<'a> {
    record: Arc<Record<'a>>,
    fix: FixState,
    reason: Reason,
    /// Vectors and rating of only this package.
    vectors: Vec<&'a str>,
    rating: Severity,
}

impl<'a> Matcher<'a> {
    /// Returns a matcher for a database.
    pub fn new(database: Database<'a>) -> Self {
        Self { database, made: HashMap::new() }
    }

    /// Returns whether there is any advisory for this ecosystem.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn covers(&self, ecosystem: &Ecosystem) -> Result<bool, DatabaseError> {
        self.database.covers(ecosystem)
    }

    /// Returns the vulnerabilities of a package.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn find(&mut self, target: Target<'_>) -> Result<Answer, DatabaseError> {
        let mut answer = Answer::default();
        let mut found = Groups::default();
        let (package, version) = looked_up(target);
        for entry in self.database.entries(target.ecosystem, &package)? {
            let (because, fix) = match verdict(target.ecosystem, &entry, version) {
                Verdict::Affected(because, fix) => (because, fix),
                Verdict::Outside | Verdict::NotAffected => continue,
                Verdict::Undecided(why) => {
                    let record = self.database.record(entry.advisory)?;
                    let id = record.ids.first().copied().unwrap_or_default();
                    answer.undecided.push(Undecided { record: id.to_owned(), why });
                    continue;
                }
            };
            let record = self.database.record(entry.advisory)?;
            let reason = Reason {
                record: record.ids.first().copied().unwrap_or_default().to_owned(),
                feed: record.feed.to_owned(),
                package: package.clone(),
                version: version.to_owned(),
                because,
            };
            let rating = entry.rating.max(record.rating);
            let record = Arc::new(record);
            let vectors = entry.vectors;
            let said = Said { record: record.clone(), fix, reason, vectors, rating };
            if record.covers.is_empty() {
                found.add(record.ids.clone(), &[], said);
            } else {
                for id in &record.covers {
                    found.add(vec![*id], &record.ids, said.clone());
                }
            }
        }
        for found in found.all.into_iter().filter(|found| !found.ids.is_empty()) {
            answer.hits.push(self.hit(target.ecosystem, found)?);
        }
        answer.hits.sort_by(|a, b| a.advisory.id.cmp(&b.advisory.id));
        Ok(answer)
    }

    fn hit(&mut self, ecosystem: &Ecosystem, found: Found<'a>) -> Result<Hit, DatabaseError> {
        let advisory = self.advisory(&found)?;
        let rating = found.records.iter().map(|said| said.rating).max();
        let severity = match severity(&advisory.scores) {
            Severity::Unknown => rating.unwrap_or(Severity::Unknown),
            known => known,
        };
        let mut fix = None;
        let mut reasons = Vec::new();
        for said in found.records {
            fix = Some(match fix {
                None => said.fix,
                Some(before) => better(ecosystem.order(), before, said.fix),
            });
            reasons.push(said.reason);
        }
        Ok(Hit { advisory, fix: fix.unwrap_or(FixState::Unknown), severity, reasons })
    }

    /// Returns the advisory of a set of records, created once.
    fn advisory(&mut self, found: &Found<'a>) -> Result<Arc<Advisory>, DatabaseError> {
        let mut ids = found.ids.clone();
        ids.sort_unstable_by_key(|id| (rank(id), *id));
        ids.dedup();
        let mut aliases: Vec<_> = ids.iter().skip(1).chain(&found.others).copied().collect();
        aliases.sort_unstable();
        aliases.dedup();
        let of_package = found
            .records
            .iter()
            .flat_map(|said| said.vectors.iter().map(|vector| (said.record.feed, *vector)));
        let of_record = found.records.iter().flat_map(|said| own_vectors(&said.record));
        let mut vectors: Vec<_> = of_package.chain(of_record).collect();
        vectors.sort_unstable();
        vectors.dedup();
        let id = ids.first().copied().unwrap_or_default();
        let scored = vectors.iter().flat_map(|(feed, vector)| [*feed, *vector]);
        let key = [id].into_iter().chain(aliases.iter().copied()).chain(scored);
        let key: Vec<_> = key.map(str::to_owned).collect();
        if let Some(made) = self.made.get(&key) {
            return Ok(made.clone());
        }
        let (mut epss, mut exploited) = (None::<Epss>, None);
        for id in ids.iter().filter(|id| rank(id) == 0) {
            let signal = self.database.signal(id)?;
            vectors.extend(signal.scores);
            let likelier = |one: &Epss| epss.is_none_or(|two| two.probability < one.probability);
            epss = signal.epss.filter(likelier).or(epss);
            exploited = exploited.or(signal.exploited);
        }
        vectors.sort_unstable();
        vectors.dedup();
        let records = || found.records.iter().map(|said| &said.record);
        let advisory = Arc::new(Advisory {
            id: id.to_owned(),
            aliases: aliases.iter().map(|id| (*id).to_owned()).collect(),
            title: records().map(|r| r.title).find(|t| !t.is_empty()).unwrap_or("").to_owned(),
            scores: scores(vectors).collect(),
            epss,
            exploited,
            url: records().map(|r| r.url).find(|url| !url.is_empty()).unwrap_or("").to_owned(),
        });
        self.made.insert(key, advisory.clone());
        Ok(advisory)
    }
}

/// Returns the vectors that describe the vulnerability itself: those of an advisory that covers
/// several cannot be assigned.
fn own_vectors<'r, 'a>(record: &'r Record<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + 'r {
    let own = record.covers.len() < 2;
    record.vectors.iter().filter(move |_| own).map(|vector| (record.feed, *vector))
}

/// Ranks IDs: CVEs first, then other well-known IDs.
pub(crate) fn rank(id: &str) -> u8 {
    match id {
        id if id.starts_with("CVE-") => 0,
        id if id.starts_with("GHSA-") => 1,
        _ => 2,
    }
}

pub(crate) fn looked_up<'t>(target: Target<'t>) -> (String, &'t str) {
    let source = target.source.filter(|_| target.ecosystem.names_sources());
    let (name, version) = source.unwrap_or((target.name, target.version));
    (target.ecosystem.package(name), version)
}

/// The vulnerabilities found, joined by their IDs.
#[derive(Default)]
struct Groups<'a> {
    /// Those that were joined with another are empty.
    all: Vec<Found<'a>>,
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Groups<'a> {
    fn add(&mut self, ids: Vec<&'a str>, others: &[&'a str], said: Said<'a>) {
        let mut same: Vec<_> = ids.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        same.sort_unstable();
        same.dedup();
        let first = same.first().copied().unwrap_or(self.all.len());
        if first == self.all.len() {
            self.all.push(Found::default());
        }
        let mut new = Found { ids, others: others.to_vec(), records: vec![said] };
        for other in same.into_iter().skip(1) {
            let other = self.all.get_mut(other).map(std::mem::take).unwrap_or_default();
            new.ids.extend(other.ids);
            new.others.extend(other.others);
            new.records.extend(other.records);
        }
        self.by_id.extend(new.ids.iter().map(|id| (*id, first)));
        if let Some(group) = self.all.get_mut(first) {
            group.ids.append(&mut new.ids);
            group.others.append(&mut new.others);
            group.records.append(&mut new.records);
        }
    }
}

/// Combines the fix states of two records. A fix in either counts. Of two fixed versions the later
/// one counts: the other record still applies to the earlier one.
fn better(order: Option<Order>, one: FixState, two: FixState) -> FixState {
    match (one, two) {
        (FixState::Fixed(a), FixState::Fixed(b)) => {
            let later = order.and_then(|order| {
                Version::read(order, &a).ok()?.compare(&Version::read(order, &b).ok()?)
            });
            FixState::Fixed(if later.is_some_and(std::cmp::Ordering::is_lt) { b } else { a })
        }
        (fixed @ FixState::Fixed(_), _) | (_, fixed @ FixState::Fixed(_)) => fixed,
        (FixState::WontFix, _) | (_, FixState::WontFix) => FixState::WontFix,
        (FixState::NotFixed, _) | (_, FixState::NotFixed) => FixState::NotFixed,
        _ => FixState::Unknown,
    }
}

pub(crate) fn verdict(ecosystem: &Ecosystem, entry: &Entry<'_>, text: &str) -> Verdict {
    if entry.state == State::NotAffected {
        return Verdict::NotAffected;
    }
    if entry.versions.contains(&text) {
        let fix = fixed(ecosystem, entry, text);
        return Verdict::Affected(Because::Listed, fix);
    }
    if entry.ranges.is_empty() && entry.versions.is_empty() {
        return match entry.state {
            // Any version, as long as there is no fix.
            State::WontFix | State::NotFixed => {
                let because = Because::Range { introduced: "0".to_owned(), until: Until::Open };
                Verdict::Affected(because, open(entry.state))
            }
            _ => Verdict::Undecided("the record lists no versions".to_owned()),
        };
    }
    let Some(order) = ecosystem.order() else {
        return match entry.ranges.is_empty() {
            true => Verdict::Outside,
            false => Verdict::Undecided(format!(
                "the version order of {} is not known",
                ecosystem.as_str()
            )),
        };
    };
    let (version, whole) =
        match (Version::read(order, ecosystem.compared(text)), Version::read(order, text)) {
            (Ok(version), Ok(whole)) => (version, whole),
            (Err(error), _) | (_, Err(error)) => return Verdict::Undecided(error.to_string()),
        };
    let same = |listed: &&str| {
        let equals = |one: &Version<'_>, two| one.compare(two).is_some_and(|order| order.is_eq());
        Version::read(order, listed).is_ok_and(|v| equals(&v, &version) || equals(&v, &whole))
    };
    if entry.versions.iter().any(same) {
        return Verdict::Affected(Because::Listed, fixed(ecosystem, entry, text));
    }
    if version.is_legacy() && !entry.ranges.is_empty() {
        return Verdict::Undecided(format!("`{text}` is not a version as PEP 440 defines them"));
    }
    let mut unreadable = None;
    let mut found: Option<(Because, FixState)> = None;
    for range in &entry.ranges {
        let is_whole = range.iter().any(|(_, event)| ecosystem.compared(event) != *event);
        match place(order, range, if is_whole { &whole } else { &version }) {
            Place::Outside => {}
            Place::Unreadable(event) => unreadable = Some(event),
            Place::Inside(because) => {
                let fix = match &because {
                    Because::Range { until: Until::Fixed(fixed), .. } => {
                        FixState::Fixed(fixed.as_str().into())
                    }
                    Because::Range { until: Until::Last(_), .. } => FixState::Unknown,
                    _ => open(entry.state),
                };
                found = Some(match found {
                    None => (because, fix),
                    Some((first, before)) => (first, better(Some(order), before, fix)),
                });
            }
        }
    }
    match (found, unreadable) {
        (Some((because, fix)), _) => Verdict::Affected(because, fix),
        (None, Some(event)) => Verdict::Undecided(format!("`{event}` in a range is not a version")),
        (None, None) => Verdict::Outside,
    }
}

/// Returns the vendor's plan for a package without a fixed version.
fn open(state: State) -> FixState {
    match state {
        State::WontFix => FixState::WontFix,
        State::Undetermined => FixState::Unknown,
        _ => FixState::NotFixed,
    }
}

/// Returns the nearest fixed version of a record.
fn fixed(ecosystem: &Ecosystem, entry: &Entry<'_>, text: &str) -> FixState {
    let newer = || {
        let order = ecosystem.order()?;
        let version = Version::read(order, text).ok()?;
        let mut nearest: Option<(&str, Version<'_>)> = None;
        for candidate in &entry.fixed {
            let Ok(read) = Version::read(order, candidate) else { continue };
            let after = read.compare(&version).is_some_and(std::cmp::Ordering::is_gt);
            let earlier = nearest
                .as_ref()
                .is_none_or(|(_, best)| read.compare(best).is_some_and(std::cmp::Ordering::is_lt));
            if after && earlier {
                nearest = Some((candidate, read));
            }
        }
        nearest.map(|(text, _)| FixState::Fixed(text.into()))
    };
    newer().unwrap_or_else(|| match entry.state {
        State::Silent => FixState::Unknown,
        state => open(state),
    })
}
