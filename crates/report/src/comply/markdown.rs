//! Assessments as a document: a table of controls, and what fails with its places.

use std::io::{self, Write};

use pavisade_model::{Finding, Location, State};
use pavisade_scan::{AssessedControl, Assessment, ControlState, Judgement};

use super::{counts, coverage, gap, label, name, reason, results};
use crate::Options;
use crate::text::{clean, count, cut};

/// Places of one check that are told without being asked.
const PLACES: usize = 3;

/// Writes them.
pub(super) fn write(
    judgement: &Judgement,
    assessments: &[Assessment<'_>],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    for assessment in assessments {
        let about = assessment.framework;
        writeln!(out, "# {} (`{}`)\n", text(&about.title), code(&about.id))?;
        writeln!(out, "{}.", capital(&coverage(about)))?;
        writeln!(out, "{}.", capital(&results(assessment)))?;
        if !about.extent.is_empty() {
            writeln!(out, "Listed: {}.", text(&about.extent))?;
        }
        writeln!(out, "\n| control | asks for | state | why, or what is not shown |")?;
        writeln!(out, "| --- | --- | --- | --- |")?;
        for control in &assessment.controls {
            let remark = match reason(control, assessment.unread) {
                reason if reason.is_empty() => {
                    gap(control).map(|gap| format!("not shown: {gap}")).unwrap_or_default()
                }
                reason => reason,
            };
            let (id, title) = (text(&control.control.id), text(&control.control.title));
            let state = label(control.state);
            let state = if control.state == ControlState::Fails {
                format!("**{state}**")
            } else {
                state.to_owned()
            };
            writeln!(out, "| {id} | {title} | {state} | {} |", text(&cut(&remark, 300)))?;
        }
        writeln!(out, "\n## What fails\n")?;
        let mut none = true;
        for control in assessment.of_state(ControlState::Fails) {
            none = false;
            failing(control, options, out)?;
        }
        if none {
            writeln!(out, "Nothing.\n")?;
        }
    }
    let checks = count(judgement.tallies.len(), "check", "checks");
    let objects = count(judgement.objects, "object", "objects");
    writeln!(out, "{checks} on {objects}, Kubernetes {}.", judgement.kubernetes)
}

fn failing(
    assessed: &AssessedControl<'_>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let about = assessed.control;
    writeln!(out, "### {}: {}\n", text(&about.id), text(&about.title))?;
    for evidence in assessed.evidence.iter().filter(|e| e.refutes()) {
        let check = evidence.check;
        writeln!(out, "- {} `{}`: {}", check.id, name(evidence), counts(evidence))?;
        let findings: Vec<_> = evidence.of_state(State::Fails).collect();
        let told = if options.full { findings.len() } else { findings.len().min(PLACES) };
        for finding in &findings[..told] {
            writeln!(out, "  - {}: {}", place(finding), text(&cut(&finding.message, 300)))?;
        }
        if told < findings.len() {
            let more = count(findings.len() - told, "more place", "more places");
            writeln!(out, "  - … and {more}")?;
        }
    }
    writeln!(out)
}

fn place(finding: &Finding) -> String {
    let label = finding.subject.label();
    match &finding.location {
        Location::Text { source, span, .. } => {
            let (line, column) = source.line_column(span.start);
            format!("`{}:{line}:{column}` ({})", code(source.name()), text(&label))
        }
        Location::Field { path, .. } => format!("{} `{}`", text(&label), code(path)),
        Location::None => text(&label),
    }
}

/// Text that Markdown takes as it stands, but for what stands between backticks.
fn text(text: &str) -> String {
    let text = clean(text);
    let paired = text.matches('`').count().is_multiple_of(2);
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at > 0 {
            out.push_str(if paired { "`" } else { "\\`" });
        }
        if paired && at % 2 == 1 {
            out.push_str(&part.replace('|', "\\|"));
            continue;
        }
        for c in part.chars() {
            match c {
                '\\' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => out.extend(['\\', c]),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                c => out.push(c),
            }
        }
    }
    out
}

/// Text between backticks.
fn code(text: &str) -> String {
    clean(text).replace('`', "'").replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
