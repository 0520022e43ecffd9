//! Why a package is reported, or is not.

use std::collections::BTreeSet;

use crate::database::State;
use crate::format::DatabaseError;
use crate::matching::{Matcher, Target, Verdict, looked_up, verdict};
use crate::range::Kind;
use crate::version::Order;

/// What one record says of a package at a version, and what was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The record's id.
    pub record: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// The feed that it is from.
    pub feed: String,
    /// The name that it has for the package: that of its source, where advisories name sources.
    pub package: String,
    /// The version that was compared.
    pub version: String,
    /// The order that decides; none where that of the ecosystem is not known.
    pub order: Option<Order>,
    /// Its ranges, each with its events as the record has them.
    pub ranges: Vec<Vec<(Bound, String)>>,
    /// How many versions it lists.
    pub listed: usize,
    /// What the vendor says of the package beside ranges, in one word; empty where that is nothing.
    pub state: &'static str,
    /// What follows from all this.
    pub verdict: Verdict,
}

/// What an event of a range says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// From this version on it is affected.
    Introduced,
    /// From this version on it is not.
    Fixed,
    /// This is the last version that is affected.
    LastAffected,
}

/// What the database knows by an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Records that have it, by their own id, as an alias or as what they cover.
    pub records: Vec<KnownRecord>,
    /// Records that had it and were withdrawn, each with the time.
    pub withdrawn: Vec<(String, String)>,
    /// The packages that they are about, each with its ecosystem.
    pub packages: Vec<(String, String)>,
}

/// A record of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecord {
    /// Its id.
    pub id: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// The feed that it is from.
    pub feed: String,
    /// What it is about, in a sentence; may be empty.
    pub title: String,
    /// Where it is published; may be empty.
    pub url: String,
}

impl Matcher<'_> {
    /// What each record that has this id, or an alias of it, says of a package: also why one is not
    /// about it. Empty where none names the package.
    ///
    /// # Errors
    /// Where the database is damaged.
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

    /// What the database knows by an id.
    ///
    /// # Errors
    /// Where the database is damaged.
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

    /// Records of the same vulnerability. What a vendor's advisory covers are vulnerabilities of
    /// their own: through it, none is joined with another.
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
