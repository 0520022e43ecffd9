//! What became of the input of a database.

use std::collections::BTreeMap;

/// What was done with the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of records read.
    pub records: usize,
    /// The number of records in the database.
    pub kept: usize,
    /// The number of records withdrawn by their publisher.
    pub withdrawn: usize,
    /// The number of records and files that could not be read and are missing.
    pub damaged: usize,
    /// Input that was not understood or not used, by type.
    pub left_out: BTreeMap<String, LeftOut>,
}

/// A type of omitted input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The number of occurrences.
    pub count: usize,
    /// The first occurrence.
    pub example: String,
}

impl Report {
    /// Records input that could not be read.
    pub(crate) fn damage(&mut self, what: &str, example: &str) {
        self.damaged += 1;
        self.note(what, example);
    }

    pub(crate) fn note(&mut self, what: &str, example: &str) {
        let left_out = self.left_out.entry(what.to_owned()).or_default();
        left_out.count += 1;
        if left_out.example.is_empty() {
            left_out.example = example.chars().take(120).collect();
        }
    }
}
