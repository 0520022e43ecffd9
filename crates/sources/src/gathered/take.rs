//! Reads files and collects their content, up to the memory limit.

use std::cmp::Reverse;

use pavisade_model::NoteKind;
use pavisade_snapshot::Object;
use rayon::prelude::*;

use super::Gathered;
use crate::Purpose;
use crate::document::Parsed;
use crate::file::{self, Candidate, Outcome};

/// Bytes of files that are read between checks of the memory limit.
const PART: u64 = 16 << 20;

impl Gathered<'_> {
    /// Reads files in parallel and collects their content in order, in parts, until the memory
    /// limit is reached. `each` gets the objects of every file.
    pub(crate) fn read(
        &mut self,
        candidates: &[Candidate],
        mut each: impl FnMut(&mut Self, &Candidate, Vec<Object>),
    ) {
        self.progress.expect(candidates.len());
        let mut rest = candidates;
        while let Some(first) = rest.first() {
            let mut bytes = first.length;
            let more = rest[1..].iter().take_while(|candidate| {
                bytes = bytes.saturating_add(candidate.length);
                bytes <= PART
            });
            let (part, behind) = rest.split_at(1 + more.count());
            if self.is_full() {
                self.drop_text(&first.name, rest.len());
                return;
            }
            for (candidate, outcome) in part.iter().zip(self.read_part(part)) {
                let objects = self.take(outcome);
                each(self, candidate, objects);
            }
            rest = behind;
        }
    }

    fn read_part(&self, candidates: &[Candidate]) -> Vec<Outcome> {
        let (limit, progress) = (self.request.limits.file_bytes, self.progress);
        let read = |place: usize| {
            let outcome = file::read(&candidates[place], limit);
            progress.file();
            (place, outcome)
        };
        // Largest first and few at a time, so that no thread waits long at the end.
        let mut places: Vec<usize> = (0..candidates.len()).collect();
        places.sort_by_key(|place| Reverse(candidates[*place].length));
        let mut outcomes: Vec<_> = places.into_par_iter().with_max_len(8).map(read).collect();
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Records the statistics and notes of a file, and returns its objects.
    pub(crate) fn take(&mut self, outcome: Outcome) -> Vec<Object> {
        if let Some(why) = outcome.skip {
            self.stats.skip(why, 1);
            return Vec::new();
        }
        if !outcome.parsed.objects.is_empty() {
            self.stats.files += 1;
            self.stats.bytes += outcome.bytes;
        }
        self.take_parsed(outcome.parsed)
    }

    /// Like [`Gathered::take`], for a text that is not a file.
    pub(crate) fn take_parsed(&mut self, parsed: Parsed) -> Vec<Object> {
        if !parsed.objects.is_empty() {
            self.memory = self.memory.saturating_add(parsed.memory);
        }
        self.notes.extend(parsed.notes);
        self.stats.documents += parsed.documents;
        self.stats.objects += parsed.objects.len();
        self.encrypted += parsed.encrypted;
        self.with_variables += parsed.with_variables;
        self.substitutes |= parsed.substitutes;
        if let Some(mut note) = parsed.nothing {
            // For a fix, users pass all changed files, most of which have no objects.
            if self.request.purpose == Purpose::Fix {
                note.kind = NoteKind::Info;
            }
            self.notes.push(note);
        }
        for patch in parsed.objects.iter().filter(|object| object.is_patch()) {
            if self.patches.is_empty() {
                self.first_patch = patch.doc().source().shown().into_owned();
            }
            self.patches.push(patch.subject(None).label());
        }
        parsed.objects
    }

    /// Whether the memory limit is reached and nothing more is read.
    pub(crate) fn is_full(&self) -> bool {
        self.memory > self.request.limits.memory
    }

    /// Records texts that are not read because of the memory limit.
    pub(crate) fn drop_text(&mut self, name: &str, count: usize) {
        let dropped = self.dropped.get_or_insert_with(|| (name.to_owned(), 0));
        dropped.1 += count;
    }
}
