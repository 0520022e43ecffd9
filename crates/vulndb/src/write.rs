//! Writes the database format.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pavisade_model::Severity;

use crate::build::{Builder, Entry, Record, Text};
use crate::database::RATINGS;
use crate::format::{
    DatabaseError, HEADER, MAGIC, NOWHERE, RANSOMWARE, SECTIONS, SIGNALS, TRIED, number,
};
use crate::report::Report;
use crate::signals::cve;

/// Strings with their number of uses.
#[derive(Default)]
struct Texts<'a> {
    used: HashMap<&'a str, u32>,
}

impl<'a> Texts<'a> {
    fn count(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            let used = self.used.entry(text).or_default();
            *used = used.saturating_add(1);
        }
    }

    /// Sorts frequent strings first, so that their indexes are short.
    fn sorted(self) -> Vec<&'a str> {
        let mut texts: Vec<_> = self.used.into_iter().collect();
        texts.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.cmp(b)));
        texts.into_iter().map(|(text, _)| text).collect()
    }
}

fn strs(texts: &[Text]) -> impl ExactSizeIterator<Item = &str> + Clone {
    texts.iter().map(|text| &**text)
}

impl Record {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.aliases, &self.covers, &self.vectors];
        let one = [&*self.title, &*self.url];
        let entries = self.entries.iter().flat_map(Entry::texts);
        lists.into_iter().flat_map(|list| strs(list)).chain(one).chain(entries)
    }
}

impl Entry {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.versions, &self.fixed, &self.vectors];
        let events = self.ranges.iter().flatten().map(|(_, text)| &**text);
        let one = [&*self.ecosystem, &*self.name];
        lists.into_iter().flat_map(|list| strs(list)).chain(events).chain(one)
    }
}

impl Builder {
    /// Returns the bytes of the database and a report about the input.
    ///
    /// # Errors
    /// A table would have more than 2^32 entries or bytes.
    pub fn finish(self) -> Result<(Vec<u8>, Report), DatabaseError> {
        let mut texts = Texts::default();
        for (name, feed) in &self.feeds {
            texts.count([name.as_str(), feed.newest()]);
            texts.count(feed.licences.iter().map(String::as_str));
        }
        for ((feed, id), record) in &self.records {
            texts.count([feed.as_str(), id.as_str()].into_iter().chain(record.texts()));
        }
        // Keep signals only for CVEs with a record.
        let of_record = |(key, record): (&'_ (String, String), &'_ Record)| {
            let ids = strs(&record.aliases).chain(strs(&record.covers)).chain([key.1.as_str()]);
            ids.filter_map(cve).collect::<Vec<_>>()
        };
        let known: BTreeSet<u64> = self.records.iter().flat_map(of_record).collect();
        for (_, scores) in self.scores.iter().filter(|(id, _)| known.contains(id)) {
            texts.count(scores.iter().flat_map(|(feed, vector)| [feed.as_str(), vector.as_str()]));
        }
        for (id, record, time) in &self.withdrawn {
            texts.count([id.as_str(), record.as_str(), time.as_str()]);
        }
        let sorted = texts.sorted();
        let places = sorted.iter().zip(0u32..).map(|(text, place)| (*text, place)).collect();
        let mut out = Sections { places, sections: Default::default() };
        out.texts(&sorted)?;
        out.feeds(&self);
        out.advisories(&self)?;
        out.signals(&self, &known)?;
        for (id, record, time) in &self.withdrawn {
            for text in [id, record, time] {
                let place = out.place(text);
                out.row(10, place);
            }
        }
        let mut report = self.report;
        report.kept = self.records.len();
        Ok((out.join()?, report))
    }
}

struct Sections<'a> {
    places: HashMap<&'a str, u32>,
    sections: [Vec<u8>; SECTIONS],
}

impl<'a> Sections<'a> {
    fn place(&self, text: &str) -> u32 {
        // Every string was counted.
        self.places.get(text).copied().unwrap_or(u32::MAX)
    }

    fn text(&mut self, section: usize, text: &str) {
        let place = self.place(text);
        number(&mut self.sections[section], place);
    }

    fn list<'t>(&mut self, section: usize, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.length(section, texts.len());
        for text in texts {
            self.text(section, text);
        }
    }

    fn length(&mut self, section: usize, length: usize) {
        // Lists cannot be this long: records are bounded.
        number(&mut self.sections[section], u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn row(&mut self, section: usize, value: u32) {
        self.sections[section].extend(value.to_le_bytes());
    }

    fn end(&self, section: usize) -> Result<u32, DatabaseError> {
        u32::try_from(self.sections[section].len()).map_err(|_| DatabaseError::Damaged)
    }

    fn texts(&mut self, sorted: &[&'a str]) -> Result<(), DatabaseError> {
        for text in sorted {
            self.sections[1].extend(text.as_bytes());
            let end = self.end(1)?;
            self.row(0, end);
        }
        Ok(())
    }

    fn feeds(&mut self, builder: &Builder) {
        self.length(2, builder.feeds.len());
        for (name, feed) in &builder.feeds {
            let records = builder.records.keys().filter(|(of, _)| of == name).count();
            self.text(2, name);
            self.list(2, feed.licences.iter().map(String::as_str));
            self.length(2, records + feed.rows);
            self.text(2, feed.newest());
            let signals = if feed.has_records { 0 } else { SIGNALS };
            self.sections[2].push(if feed.untried { 0 } else { TRIED } | signals);
        }
    }

    fn advisories(&mut self, builder: &Builder) -> Result<(), DatabaseError> {
        let mut packages: BTreeMap<(&str, &str), Vec<(u32, &Entry)>> = BTreeMap::new();
        let mut ids: BTreeSet<(&str, u32)> = BTreeSet::new();
        for (((feed, id), record), advisory) in builder.records.iter().zip(0u32..) {
            let all = [id.as_str()].into_iter().chain(strs(&record.aliases));
            ids.extend(all.clone().chain(strs(&record.covers)).map(|id| (id, advisory)));
            for entry in &record.entries {
                let package = (&*entry.ecosystem, &*entry.name);
                packages.entry(package).or_default().push((advisory, entry));
            }
            let place = self.end(6)?;
            self.row(5, place);
            self.list(6, all.collect::<Vec<_>>().into_iter());
            self.list(6, strs(&record.covers));
            self.text(6, &record.title);
            self.text(6, &record.url);
            self.text(6, feed);
            self.sections[6].push(rating(record.rating));
            self.list(6, strs(&record.vectors));
        }
        for ((ecosystem, name), entries) in packages {
            let (ecosystem, name, place) = (self.place(ecosystem), self.place(name), self.end(4)?);
            [ecosystem, name, place].into_iter().for_each(|value| self.row(3, value));
            self.length(4, entries.len());
            for (advisory, entry) in entries {
                self.entry(advisory, entry);
            }
        }
        for (id, advisory) in ids {
            let id = self.place(id);
            self.row(7, id);
            self.row(7, advisory);
        }
        Ok(())
    }

    fn entry(&mut self, advisory: u32, entry: &Entry) {
        number(&mut self.sections[4], advisory);
        self.sections[4].extend([entry.state.byte(), rating(entry.rating)]);
        self.length(4, entry.ranges.len());
        for events in &entry.ranges {
            self.length(4, events.len());
            for (kind, version) in events {
                self.sections[4].push(kind.byte());
                self.text(4, version);
            }
        }
        self.list(4, strs(&entry.versions));
        self.list(4, strs(&entry.fixed));
        self.list(4, strs(&entry.vectors));
    }

    fn signals(&mut self, builder: &Builder, known: &BTreeSet<u64>) -> Result<(), DatabaseError> {
        for id in known {
            let (epss, kev) = (builder.epss.get(id), builder.kev.get(id));
            let mut scores = builder.scores.get(id).cloned().unwrap_or_default();
            scores.sort_unstable();
            scores.dedup();
            if epss.is_none() && kev.is_none() && scores.is_empty() {
                continue;
            }
            self.sections[8].extend(id.to_le_bytes());
            // A percentile of zero is a value too.
            let (probability, percentile) = epss.map_or((0, 0), |(one, two)| (*one, two + 1));
            for part in [probability, percentile] {
                self.sections[8].extend(part.to_le_bytes().iter().take(3));
            }
            let listed = kev.map_or(0, |(day, known)| day | if *known { RANSOMWARE } else { 0 });
            self.row(8, listed);
            let place = if scores.is_empty() { NOWHERE } else { self.end(9)? };
            self.row(8, place);
            if !scores.is_empty() {
                self.length(9, scores.len());
                for (feed, vector) in &scores {
                    self.text(9, feed);
                    self.text(9, vector);
                }
            }
        }
        Ok(())
    }

    fn join(self) -> Result<Vec<u8>, DatabaseError> {
        let body: usize = self.sections.iter().map(Vec::len).sum();
        let size = |n: usize| u64::try_from(n).map_err(|_| DatabaseError::Damaged);
        let mut out = Vec::with_capacity(HEADER + body);
        out.extend(MAGIC);
        out.extend(size(HEADER + body)?.to_le_bytes());
        let mut start = HEADER;
        for section in &self.sections {
            out.extend(size(start)?.to_le_bytes());
            out.extend(size(section.len())?.to_le_bytes());
            start += section.len();
        }
        self.sections.iter().for_each(|section| out.extend(section));
        Ok(out)
    }
}

fn rating(severity: Severity) -> u8 {
    RATINGS.iter().zip(0..).find(|(rating, _)| **rating == severity).map_or(0, |(_, byte)| byte)
}
