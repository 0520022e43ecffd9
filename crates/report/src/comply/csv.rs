//! Assessments for spreadsheets (RFC 4180): a control a row.

use std::io::{self, Write};

use pavisade_scan::{AssessedControl, Assessment};

use super::{gap, label, reason};
use crate::text::clean;

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

/// Writes them.
pub(super) fn write(assessments: &[Assessment<'_>], out: &mut dyn Write) -> io::Result<()> {
    row(&HEAD.map(str::to_owned), out)?;
    for assessment in assessments {
        for control in &assessment.controls {
            row(&cells(assessment, control), out)?;
        }
    }
    Ok(())
}

fn cells(assessment: &Assessment<'_>, assessed: &AssessedControl<'_>) -> [String; 10] {
    let sum = |count: fn(&pavisade_scan::Tally) -> usize| {
        assessed.evidence.iter().map(|e| count(&e.tally)).sum::<usize>().to_string()
    };
    let failing = assessed.evidence.iter().filter(|e| e.refutes());
    let failing: Vec<_> = failing.map(|e| e.check.id).collect();
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
        gap(assessed).unwrap_or_default().to_owned(),
    ]
}

fn row(cells: &[String; 10], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// One cell. What a spreadsheet would compute is kept from being a formula.
fn cell(text: &str) -> String {
    let text = clean(text);
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.into_owned() };
    if text.contains([',', '"', ';']) || text.starts_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let cases = [
            ("plain", "plain"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("two\nlines", "two lines"),
            ("32(1)(b)", "32(1)(b)"),
        ];
        for (text, expect) in cases {
            assert_eq!(super::cell(text), expect);
        }
    }
}
