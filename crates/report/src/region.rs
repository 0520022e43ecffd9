//! Lines and columns of spans, and secrets near them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pavisade_model::{Finding, Location};
use pavisade_secrets as secrets;
use pavisade_yaml::{Source, SourceId};
use rayon::prelude::*;

/// A region in a text: lines and columns from 1, columns count characters, the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// The ranges of secrets in a text.
type Secrets = Arc<[Range<usize>]>;

/// Lines and columns of the locations of all findings.
///
/// Counting characters from the start of a line for each location is quadratic if one line is a
/// whole cluster. So each text is traversed once. Contains byte, line and column in order, by text.
pub(crate) struct Regions {
    places: HashMap<SourceId, Vec<(u32, u32, u32)>>,
    /// Secrets in texts of which lines were shown.
    secrets: Mutex<HashMap<SourceId, Arc<OnceLock<Secrets>>>>,
}

impl Regions {
    pub(crate) fn new<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut texts = HashMap::<SourceId, (&Source, Vec<u32>)>::new();
        let findings = findings.into_iter();
        let findings = findings.flat_map(|finding| finding.members.iter().chain([finding]));
        let locations = findings.flat_map(|finding| {
            let related = finding.related.iter().map(|related| &related.location);
            let workloads = finding.workloads.iter().flat_map(|all| all.iter());
            let workloads = workloads.map(|workload| &workload.location);
            [&finding.location].into_iter().chain(related).chain(workloads)
        });
        for location in locations {
            if let Location::Text { source, span, .. } = location {
                let (_, places) = texts.entry(source.id()).or_insert((source, Vec::new()));
                places.extend([span.start, end(source, span)]);
            }
        }
        let texts: Vec<_> = texts.into_iter().collect();
        let walk = |(text, (source, mut places)): (SourceId, (&Source, Vec<u32>))| {
            places.sort_unstable();
            places.dedup();
            let mut last: Option<(u32, u32, u32)> = None;
            let found = places.into_iter().map(|at| {
                let between = |from: u32| source.text().get(from as usize..at as usize);
                let near = last.and_then(|(from, line, column)| {
                    let skipped = between(from).filter(|text| !text.contains('\n'))?;
                    Some((line, column + skipped.chars().count() as u32))
                });
                let (line, column) = near.unwrap_or_else(|| source.line_column(at));
                *last.insert((at, line, column))
            });
            (text, found.collect())
        };
        Self { places: texts.into_par_iter().map(walk).collect(), secrets: Mutex::default() }
    }

    /// Returns the ranges of secrets in a text. Each text is read once.
    pub(crate) fn secrets(&self, source: &Source) -> Secrets {
        // Other texts are not blocked while this one is read.
        let text = {
            let mut texts = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(texts.entry(source.id()).or_default())
        };
        Arc::clone(text.get_or_init(|| secrets::places(source.text()).into()))
    }

    /// Returns the line and column of the start of `span`.
    pub(crate) fn start(&self, source: &Source, span: &Range<u32>) -> (u32, u32) {
        self.find(source, span.start)
    }

    fn find(&self, source: &Source, at: u32) -> (u32, u32) {
        let known = self.places.get(&source.id()).and_then(|places| {
            let place = places.binary_search_by_key(&at, |(byte, ..)| *byte).ok()?;
            Some((places[place].1, places[place].2))
        });
        known.unwrap_or_else(|| source.line_column(at))
    }

    /// Returns the region of `span`, without trailing blanks and line ends.
    pub(crate) fn get(&self, source: &Source, span: &Range<u32>) -> Region {
        let (line, column) = self.find(source, span.start);
        let (end_line, end_column) = self.find(source, end(source, span));
        Region { line, column, end_line, end_column }
    }
}

fn end(source: &Source, span: &Range<u32>) -> u32 {
    let inside = source.text().get(span.start as usize..span.end as usize).unwrap_or("");
    span.start + inside.trim_end().len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::mixed;

    #[test]
    fn one_walk_finds_what_single_questions_find() {
        let mut findings = mixed().findings;
        let source = Source::new("f", "宽a: b\r\nc: [d, e, 宽f]\n\n  g: |\n    h\n    i\n");
        let template = findings[0].clone();
        for start in 0..source.text().len() as u32 {
            for end in start..source.text().len() as u32 {
                let span = start..end;
                let location = Location::Text { source: source.clone(), span, path: String::new() };
                findings.push(Finding { location, ..template.clone() });
            }
        }
        let (regions, none) = (Regions::new(&findings), Regions::new(&[]));
        for finding in &findings {
            if let Location::Text { source, span, .. } = &finding.location {
                assert_eq!(regions.get(source, span), none.get(source, span), "{span:?}");
            }
        }
    }
}
