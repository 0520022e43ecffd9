//! An advisory database that is read in place.

use std::cmp::Ordering;

use jiff::civil::Date;
use pavisade_model::{Epss, Exploited, Score, Severity};

use crate::ecosystem::Ecosystem;
use crate::format::{
    Cursor, DatabaseError, HEADER, ID_ROW, MAGIC, NOWHERE, PACKAGE_ROW, RANSOMWARE, SECTIONS,
    SIGNAL_ROW, SIGNALS, TRIED, WITHDRAWN_ROW, u24_at, u32_at, u64_at,
};
use crate::range::Kind;
use crate::score::of_vector;
use crate::signals::{WHOLE, cve};

/// A feed in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedStatus<'a> {
    /// The name.
    pub name: &'a str,
    /// The licences of its data, as SPDX identifiers if possible.
    pub licences: Vec<&'a str>,
    /// The number of its records in the database; for signals, the number of rows read.
    pub records: u32,
    /// The time of the newest change, or of the publication for signals; empty if unknown.
    pub newest: &'a str,
    /// Whether it contains no advisories, only signals: EPSS, CISA's catalog, scores. These are
    /// published daily and do not show the age of the advisories.
    pub signals: bool,
    /// Whether its reader was tested with real data of the databases that its records come from.
    /// Otherwise some were only known from documentation.
    pub tried: bool,
}

impl FeedStatus<'_> {
    /// Returns the day of its newest record; `None` if there is none or it is after `today`.
    pub fn day(&self, today: Date) -> Option<Date> {
        let day: Date = self.newest.get(..10)?.parse().ok()?;
        // Go's records are dated in the year 1.
        (day <= today && day.year() > 1990).then_some(day)
    }
}

/// The time of the newest advisory change in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newest<'a> {
    /// The day.
    pub day: Date,
    /// The time as written in the feed.
    pub time: &'a str,
}

/// A database that borrows from its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Database<'a> {
    sections: [&'a [u8]; SECTIONS],
}

/// A package entry of a record.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub advisory: u32,
    pub state: State,
    pub rating: Severity,
    pub ranges: Vec<Vec<(Kind, &'a str)>>,
    pub versions: Vec<&'a str>,
    /// Versions with a fix, if the record lists versions instead of ranges.
    pub fixed: Vec<&'a str>,
    pub vectors: Vec<&'a str>,
}

/// The vendor's statement about a package, in addition to ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No statement.
    Silent,
    /// Affected, and will not be fixed.
    WontFix,
    /// Affected; a fix may follow.
    NotFixed,
    /// Not known to be affected.
    Undetermined,
    /// Not affected.
    NotAffected,
}

impl State {
    const ALL: [Self; 5] =
        [Self::Silent, Self::WontFix, Self::NotFixed, Self::Undetermined, Self::NotAffected];

    pub(crate) fn byte(self) -> u8 {
        Self::ALL.iter().zip(0..).find(|(state, _)| **state == self).map_or(0, |(_, byte)| byte)
    }
}

/// An advisory.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    /// Its own ID, then those of the same vulnerability.
    pub ids: Vec<&'a str>,
    /// The CVEs that it covers, each of which is a separate vulnerability.
    pub covers: Vec<&'a str>,
    pub title: &'a str,
    pub url: &'a str,
    pub feed: &'a str,
    pub rating: Severity,
    pub vectors: Vec<&'a str>,
}

/// The signals of a CVE.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signal<'a> {
    pub epss: Option<Epss>,
    pub exploited: Option<Exploited>,
    pub scores: Vec<(&'a str, &'a str)>,
}

impl<'a> Database<'a> {
    /// Reads only the header.
    ///
    /// # Errors
    /// The bytes are not a database of this version, or have a different length than the header
    /// states.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DatabaseError> {
        if bytes.first_chunk::<8>() != Some(MAGIC) {
            return Err(DatabaseError::Foreign);
        }
        let size = |n: u64| usize::try_from(n).map_err(|_| DatabaseError::Damaged);
        if size(u64_at(bytes, 8)?)? != bytes.len() {
            return Err(DatabaseError::Damaged);
        }
        let mut sections: [&[u8]; SECTIONS] = [&[]; SECTIONS];
        for (section, row) in sections.iter_mut().zip((16..HEADER).step_by(16)) {
            let (start, length) = (size(u64_at(bytes, row)?)?, size(u64_at(bytes, row + 8)?)?);
            let end = start.checked_add(length).filter(|_| start >= HEADER);
            let part = end.and_then(|end| bytes.get(start..end));
            *section = part.ok_or(DatabaseError::Damaged)?;
        }
        let whole =
            [(0, 4), (3, PACKAGE_ROW), (5, 4), (7, ID_ROW), (8, SIGNAL_ROW), (10, WITHDRAWN_ROW)];
        for (at, row) in whole {
            if !sections[at].len().is_multiple_of(row) {
                return Err(DatabaseError::Damaged);
            }
        }
        Ok(Self { sections })
    }

    /// Reads everything, so that no later read finds damage.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn check(&self) -> Result<(), DatabaseError> {
        self.feeds()?;
        for row in self.sections[3].chunks_exact(PACKAGE_ROW) {
            self.text(u32_at(row, 0)?)?;
            self.text(u32_at(row, 4)?)?;
            let mut cursor = Cursor::at(self.sections[4], u32_at(row, 8)?)?;
            for entry in cursor.list(|cursor| self.entry(cursor))? {
                u32_at(self.sections[5], entry.advisory as usize * 4)?;
            }
        }
        for (advisory, _) in (0..).zip(self.sections[5].chunks_exact(4)) {
            self.record(advisory)?;
        }
        for row in self.sections[7].chunks_exact(ID_ROW) {
            self.text(u32_at(row, 0)?)?;
            u32_at(self.sections[5], u32_at(row, 4)? as usize * 4)?;
        }
        for row in self.sections[8].chunks_exact(SIGNAL_ROW) {
            self.signal_of(row)?;
        }
        for row in self.sections[10].chunks_exact(WITHDRAWN_ROW) {
            for at in [0, 4, 8] {
                self.text(u32_at(row, at)?)?;
            }
        }
        Ok(())
    }

    /// Returns the feeds in the database.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn feeds(&self) -> Result<Vec<FeedStatus<'a>>, DatabaseError> {
        Cursor::at(self.sections[2], 0)?.list(|cursor| {
            let name = self.text(cursor.number()?)?;
            let licences = cursor.list(|cursor| self.text(cursor.number()?))?;
            let records = cursor.number()?;
            let newest = self.text(cursor.number()?)?;
            let marks = cursor.byte()?;
            let (signals, tried) = (marks & SIGNALS != 0, marks & TRIED != 0);
            Ok(FeedStatus { name, licences, records, newest, signals, tried })
        })
    }

    /// Returns the newest change of an advisory up to `today`, since some feeds have dates in the
    /// future; `None` if no feed has such a date.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn newest(&self, today: Date) -> Result<Option<Newest<'a>>, DatabaseError> {
        let feeds = self.feeds()?.into_iter().filter(|feed| !feed.signals);
        let newest =
            feeds.filter_map(|feed| Some(Newest { day: feed.day(today)?, time: feed.newest }));
        Ok(newest.max())
    }

    /// Returns the number of packages and of advisories.
    pub fn size(&self) -> (usize, usize) {
        (self.sections[3].len() / PACKAGE_ROW, self.sections[5].len() / 4)
    }

    /// Returns whether there is any advisory for this ecosystem. If not, a result without findings
    /// is meaningless.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn covers(&self, ecosystem: &Ecosystem) -> Result<bool, DatabaseError> {
        let at = self.lower_bound(3, PACKAGE_ROW, |row| {
            Ok(self.text(u32_at(row, 0)?)?.cmp(ecosystem.as_str()))
        })?;
        let row = self.row(3, PACKAGE_ROW, at);
        row.map_or(Ok(false), |row| Ok(self.text(u32_at(row, 0)?)? == ecosystem.as_str()))
    }

    /// Returns the entries of a package by its normalized name.
    pub(crate) fn entries(
        &self,
        ecosystem: &Ecosystem,
        name: &str,
    ) -> Result<Vec<Entry<'a>>, DatabaseError> {
        let beside = |row: &[u8]| {
            let by_ecosystem = self.text(u32_at(row, 0)?)?.cmp(ecosystem.as_str());
            match by_ecosystem {
                Ordering::Equal => Ok(self.text(u32_at(row, 4)?)?.cmp(name)),
                other => Ok(other),
            }
        };
        let at = self.lower_bound(3, PACKAGE_ROW, beside)?;
        let Some(row) = self.row(3, PACKAGE_ROW, at) else { return Ok(Vec::new()) };
        if beside(row)?.is_ne() {
            return Ok(Vec::new());
        }
        Cursor::at(self.sections[4], u32_at(row, 8)?)?.list(|cursor| self.entry(cursor))
    }

    fn entry(&self, cursor: &mut Cursor<'a>) -> Result<Entry<'a>, DatabaseError> {
        let texts = |cursor: &mut Cursor<'a>| cursor.list(|cursor| self.text(cursor.number()?));
        let event = |cursor: &mut Cursor<'a>| {
            let kind = Kind::of_byte(cursor.byte()?).ok_or(DatabaseError::Damaged)?;
            Ok((kind, self.text(cursor.number()?)?))
        };
        Ok(Entry {
            advisory: cursor.number()?,
            state: *State::ALL.get(usize::from(cursor.byte()?)).ok_or(DatabaseError::Damaged)?,
            rating: rating(cursor)?,
            ranges: cursor.list(|cursor| cursor.list(event))?,
            versions: texts(cursor)?,
            fixed: texts(cursor)?,
            vectors: texts(cursor)?,
        })
    }

    /// Returns an advisory by its index.
    pub(crate) fn record(&self, advisory: u32) -> Result<Record<'a>, DatabaseError> {
        let place = u32_at(self.sections[5], advisory as usize * 4)?;
        let mut cursor = Cursor::at(self.sections[6], place)?;
        let cursor = &mut cursor;
        let texts = |cursor: &mut Cursor<'a>| cursor.list(|cursor| self.text(cursor.number()?));
        Ok(Record {
            ids: texts(cursor)?,
            covers: texts(cursor)?,
            title: self.text(cursor.number()?)?,
            url: self.text(cursor.number()?)?,
            feed: self.text(cursor.number()?)?,
            rating: rating(cursor)?,
            vectors: texts(cursor)?,
        })
    }

    /// Returns the indexes of advisories with this ID, as an alias or as a covered CVE.
    pub(crate) fn advisories(&self, id: &str) -> Result<Vec<u32>, DatabaseError> {
        let text = |row: &[u8]| self.text(u32_at(row, 0)?);
        let mut at = self.lower_bound(7, ID_ROW, |row| Ok(text(row)?.cmp(id)))?;
        let mut found = Vec::new();
        while let Some(row) = self.row(7, ID_ROW, at) {
            if text(row)? != id {
                break;
            }
            found.push(u32_at(row, 4)?);
            at += 1;
        }
        Ok(found)
    }

    /// Returns withdrawn records with this ID or alias: the ID and the time of each.
    pub(crate) fn withdrawn(&self, id: &str) -> Result<Vec<(&'a str, &'a str)>, DatabaseError> {
        let text = |row: &[u8], at| self.text(u32_at(row, at)?);
        let mut at = self.lower_bound(10, WITHDRAWN_ROW, |row| Ok(text(row, 0)?.cmp(id)))?;
        let mut found = Vec::new();
        while let Some(row) = self.row(10, WITHDRAWN_ROW, at) {
            if text(row, 0)? != id {
                break;
            }
            found.push((text(row, 4)?, text(row, 8)?));
            at += 1;
        }
        Ok(found)
    }

    /// Returns the packages of some advisories with their ecosystems, in order. This reads the
    /// entries of all packages.
    pub(crate) fn packages(
        &self,
        advisories: &[u32],
    ) -> Result<Vec<(&'a str, &'a str)>, DatabaseError> {
        let mut found = Vec::new();
        for row in self.sections[3].chunks_exact(PACKAGE_ROW) {
            let mut cursor = Cursor::at(self.sections[4], u32_at(row, 8)?)?;
            let entries = cursor.list(|cursor| self.entry(cursor))?;
            if entries.iter().any(|entry| advisories.contains(&entry.advisory)) {
                found.push((self.text(u32_at(row, 0)?)?, self.text(u32_at(row, 4)?)?));
            }
        }
        Ok(found)
    }

    /// Returns the signals of a CVE.
    pub(crate) fn signal(&self, id: &str) -> Result<Signal<'a>, DatabaseError> {
        let Some(key) = cve(id) else { return Ok(Signal::default()) };
        let at = self.lower_bound(8, SIGNAL_ROW, |row| Ok(u64_at(row, 0)?.cmp(&key)))?;
        let row = self.row(8, SIGNAL_ROW, at);
        let Some(row) = row.filter(|row| u64_at(row, 0) == Ok(key)) else {
            return Ok(Signal::default());
        };
        self.signal_of(row)
    }

    fn signal_of(&self, row: &[u8]) -> Result<Signal<'a>, DatabaseError> {
        #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
        let part = |part: u32| part as f32 / WHOLE as f32;
        let (probability, percentile) = (u24_at(row, 8)?, u24_at(row, 11)?);
        let epss = percentile.checked_sub(1).map(|percentile| Epss {
            probability: part(probability),
            percentile: part(percentile),
        });
        let (listed, place) = (u32_at(row, 14)?, u32_at(row, 18)?);
        let exploited = (listed != 0).then(|| {
            let day = listed & !RANSOMWARE;
            let added = format!("{:04}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100);
            Exploited { added, ransomware: listed & RANSOMWARE != 0 }
        });
        let scores = match place {
            NOWHERE => Vec::new(),
            place => Cursor::at(self.sections[9], place)?
                .list(|cursor| Ok((self.text(cursor.number()?)?, self.text(cursor.number()?)?)))?,
        };
        Ok(Signal { epss, exploited, scores })
    }

    fn text(&self, id: u32) -> Result<&'a str, DatabaseError> {
        let ends = self.sections[0];
        let end = u32_at(ends, id as usize * 4)? as usize;
        let start = match (id as usize).checked_sub(1) {
            Some(before) => u32_at(ends, before * 4)? as usize,
            None => 0,
        };
        let bytes = self.sections[1].get(start..end).ok_or(DatabaseError::Damaged)?;
        std::str::from_utf8(bytes).map_err(|_| DatabaseError::Damaged)
    }

    fn row(&self, section: usize, size: usize, at: usize) -> Option<&'a [u8]> {
        let start = at.checked_mul(size)?;
        self.sections.get(section)?.get(start..start.checked_add(size)?)
    }

    /// Returns the first row that is not less than the key.
    fn lower_bound(
        &self,
        section: usize,
        size: usize,
        beside: impl Fn(&[u8]) -> Result<Ordering, DatabaseError>,
    ) -> Result<usize, DatabaseError> {
        let (mut low, mut high) = (0, self.sections[section].len() / size);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.row(section, size, middle).ok_or(DatabaseError::Damaged)?;
            match beside(row)? {
                Ordering::Less => low = middle + 1,
                Ordering::Equal | Ordering::Greater => high = middle,
            }
        }
        Ok(low)
    }
}

/// Returns the scores of vectors with their source.
pub(crate) fn scores<'a>(
    vectors: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = Score> {
    vectors.into_iter().filter_map(|(source, vector)| {
        Some(Score { source: source.into(), vector: vector.into(), score: of_vector(vector)? })
    })
}

pub(crate) const RATINGS: [Severity; 5] =
    [Severity::Unknown, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

fn rating(cursor: &mut Cursor<'_>) -> Result<Severity, DatabaseError> {
    RATINGS.get(usize::from(cursor.byte()?)).copied().ok_or(DatabaseError::Damaged)
}
