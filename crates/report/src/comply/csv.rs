//! Assessments as CSV (RFC 4180), one row per control.

use std::io::{self, Write};

use pavisade_compliance::{AssessedControl, Assessment};

use super::{gap, label, reason};
use crate::csv::line;

const HEAD: [&str; 10] = [
    "framework",
    "control",
    "title",
    "state",
    "failing checks",
    "fails",
    "unknown",
    "holds",
    "reason",
    "not shown",
];

/// Writes the assessments.
pub(super) fn write(assessments: &[Assessment<'_>], out: &mut dyn Write) -> io::Result<()> {
    line(&HEAD.map(str::to_owned), out)?;
    for assessment in assessments {
        for control in &assessment.controls {
            line(&cells(assessment, control), out)?;
        }
    }
    Ok(())
}

fn cells(assessment: &Assessment<'_>, assessed: &AssessedControl<'_>) -> [String; 10] {
    let sum = |count: fn(&pavisade_judgement::Tally) -> usize| {
        assessed.evidence.iter().map(|e| count(&e.tally)).sum::<usize>().to_string()
    };
    let failing = assessed.evidence.iter().filter(|e| e.refutes());
    let failing: Vec<_> = failing.map(|e| &*e.rule.id).collect();
    [
        assessment.framework.id.clone(),
        assessed.control.id.clone(),
        assessed.control.title.clone(),
        label(assessed.state).to_owned(),
        failing.join(" "),
        sum(|tally| tally.fails),
        sum(|tally| tally.unknown),
        sum(|tally| tally.holds),
        reason(assessed, assessment.unread),
        gap(assessed).unwrap_or_default().into_owned(),
    ]
}
