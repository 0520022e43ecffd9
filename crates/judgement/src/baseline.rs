//! A result beside an earlier one.

use pavisade_model::{Finding, Severity, State};

/// An earlier result.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Its file, as users know it.
    pub place: String,
    /// What it found.
    pub entries: Vec<Known>,
}

/// A finding of an earlier result.
#[derive(Debug, Clone)]
pub struct Known {
    /// As it is written: `v1:…`.
    pub fingerprint: String,
    /// The check's id.
    pub check: String,
    /// Failed or unknown.
    pub state: State,
    /// How bad it was.
    pub severity: Severity,
    /// The world it was in.
    pub world: String,
    /// What it was about: kind and name.
    pub subject: String,
    /// What was wrong.
    pub message: String,
    /// The file it was in; empty where it had none.
    pub file: String,
    /// The line, from 1; 0 where it had none.
    pub line: u32,
}

/// What a result is beside an earlier one.
#[derive(Debug)]
pub struct Compared {
    /// The earlier result's file.
    pub place: String,
    /// Findings of the earlier result by checks that ran again.
    pub total: usize,
    /// Findings that it has too: not new, and no worse than they were.
    pub known: Vec<Finding>,
    /// Findings of it that are not found any more; none where too many were found to list all.
    pub gone: Vec<Known>,
}
