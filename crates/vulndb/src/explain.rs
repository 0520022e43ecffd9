//! Explains why a package is or is not reported.

use std::collections::BTreeSet;

use crate::database::State;
use crate::format::DatabaseError;
use crate::matching::{Matcher, Target, Verdict, looked_up, verdict};
use crate::range::Kind;
use crate::version::Order;

/// The result of one record for a package version, with what was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The ID of the record.
    pub record: String,
    /// The aliases of the record.
    pub aliases: Vec<String>,
    /// The feed of the record.
    pub feed: String,
    /// The package name in the record: that of the source package if advisories name these.
    pub package: String,
    /// The version that was compared.
    pub version: String,
    /// The version order; `None` if it is unknown for the ecosystem.
    pub order: Option<Order>,
    /// The ranges, each with its events as written in the record.
    pub ranges: Vec<Vec<(Bound, String)>>,
    /// The number of versions that the record lists.
    pub listed: usize,
    /// The vendor's statement in one word; may be empty.
    pub state: &'static str,
    /// The result.
    pub verdict: Verdict,
}

/// The type of an event of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Affected from this version on.
    Introduced,
    /// No longer affected from this version on.
    Fixed,
    /// The last affected version.
    LastAffected,
}

/// What the database contains about an ID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Records with this ID, as their own ID, an alias or a covered CVE.
    pub records: Vec<KnownRecord>,
    /// Withdrawn records with this ID, and the time of each.
    pub withdrawn: Vec<(String, String)>,
    /// The affected packages, with their ecosystems.
    pub packages: Vec<(String, String)>,
}

/// A record of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecord {
    /// The ID.
    pub id: String,
    /// The aliases.
    pub aliases: Vec<String>,
    /// The feed.
    pub feed: String,
    /// The title; may be empty.
    pub title: String,
    /// The URL; may be empty.
    pub url: String,
}

impl Matcher<'_> {
    /// Returns the result of each record with this ID or an alias for a package, including records
    /// that do not apply. Empty if no record names the package.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn explain(&self, target: Target<'_>, id: &str) -> Result<Vec<Explained>, DatabaseError> {
        let (package, version) = looked_up(target);
        let wanted = self.same(id)?;
        let mut said = Vec::new();
        for entry in self.database.entries(target.ecosystem, &package)? {
            if !wanted.contains(&entry.advisory) {
                continue;
            }
            let record = self.database.record(entry.advisory)?;
            let mut ids = record.ids.iter().map(|id| (*id).to_owned());
            let bound = |kind: &Kind| match kind {
                Kind::Introduced => Bound::Introduced,
                Kind::Fixed => Bound::Fixed,
                Kind::LastAffected => Bound::LastAffected,
            };
            let events = |range: &Vec<(Kind, &str)>| {
                range.iter().map(|(kind, text)| (bound(kind), (*text).to_owned())).collect()
            };
            said.push(Explained {
                record: ids.next().unwrap_or_default(),
                aliases: ids.collect(),
                feed: record.feed.to_owned(),
                package: package.clone(),
                version: version.to_owned(),
                order: target.ecosystem.order(),
                ranges: entry.ranges.iter().map(events).collect(),
                listed: entry.versions.len(),
                state: word(entry.state),
                verdict: verdict(target.ecosystem, &entry, version),
            });
        }
        Ok(said)
    }

    /// Returns what the database contains about an ID.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn known(&self, id: &str) -> Result<Known, DatabaseError> {
        let same = self.same(id)?;
        let own = |text: &&str| (*text).to_owned();
        let mut known = Known::default();
        for at in &same {
            let record = self.database.record(*at)?;
            known.records.push(KnownRecord {
                id: record.ids.first().map(own).unwrap_or_default(),
                aliases: record.ids.iter().skip(1).map(own).collect(),
                feed: record.feed.to_owned(),
                title: record.title.to_owned(),
                url: record.url.to_owned(),
            });
        }
        let withdrawn = self.database.withdrawn(id)?.into_iter();
        known.withdrawn = withdrawn.map(|(record, time)| (own(&record), own(&time))).collect();
        if !same.is_empty() {
            let same: Vec<_> = same.into_iter().collect();
            let packages = self.database.packages(&same)?.into_iter();
            known.packages = packages.map(|(one, two)| (own(&one), own(&two))).collect();
        }
        Ok(known)
    }

    /// Returns the records of the same vulnerability. CVEs that a vendor's advisory covers are
    /// separate vulnerabilities, so the advisory does not join them.
    fn same(&self, id: &str) -> Result<BTreeSet<u32>, DatabaseError> {
        let (mut found, mut asked) = (BTreeSet::new(), BTreeSet::new());
        let mut ids = vec![id];
        while let Some(id) = ids.pop() {
            if !asked.insert(id) {
                continue;
            }
            for at in self.database.advisories(id)? {
                if found.insert(at) {
                    let record = self.database.record(at)?;
                    if record.covers.is_empty() {
                        ids.extend(record.ids);
                    }
                }
            }
        }
        Ok(found)
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Silent => "",
        State::WontFix => "will not fix",
        State::NotFixed => "affected, no fix so far",
        State::Undetermined => "undetermined",
        State::NotAffected => "not affected",
    }
}
