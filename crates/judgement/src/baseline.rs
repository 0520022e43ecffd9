//! Comparison of a result with an earlier one.

use pavisade_model::{Finding, Severity, State};

/// An earlier result.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Its file, as shown to users.
    pub place: String,
    /// Its findings.
    pub entries: Vec<Known>,
}

/// A finding of an earlier result.
#[derive(Debug, Clone)]
pub struct Known {
    /// The fingerprint as text: `v1:…`.
    pub fingerprint: String,
    /// The id of the check.
    pub check: String,
    /// Failed or unknown.
    pub state: State,
    /// The severity it had.
    pub severity: Severity,
    /// The world it was in.
    pub world: String,
    /// The subject: kind and name.
    pub subject: String,
    /// The message.
    pub message: String,
    /// The file. Empty if it had none.
    pub file: String,
    /// The line, from 1. 0 if it had none.
    pub line: u32,
}

/// The comparison of a result with an earlier one.
#[derive(Debug)]
pub struct Compared {
    /// The earlier result's file.
    pub place: String,
    /// The number of findings in the earlier result from checks that ran again.
    pub total: usize,
    /// Findings that are in the earlier result, with at least the same severity.
    pub known: Vec<Finding>,
    /// Findings of the earlier result that are resolved. Empty if there were too many findings to
    /// list all.
    pub gone: Vec<Known>,
}
