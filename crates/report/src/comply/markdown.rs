//! Assessments as Markdown: a table of controls, and failures with their locations.

use std::io::{self, Write};

use pavisade_compliance::{AssessedControl, Assessment, ControlState};
use pavisade_judgement::Judgement;
use pavisade_model::{NoteKind, State};

use super::{counts, coverage, gap, label, name, reason, results};
use crate::markdown::{code, inline as text};
use crate::place::Places;
use crate::text::{count, cut};
use crate::{Options, message};

/// Maximum number of locations of a check by default.
const PLACES: usize = 3;

/// Writes the assessments.
pub(super) fn write(
    judgement: &Judgement,
    assessments: &[Assessment<'_>],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    for assessment in assessments {
        let about = assessment.framework;
        writeln!(out, "# {} ({})\n", text(&about.title), code(&about.id))?;
        writeln!(out, "{}.", capital(&coverage(about)))?;
        writeln!(out, "{}.", capital(&results(assessment)))?;
        if !about.extent.is_empty() {
            writeln!(out, "Listed: {}.", text(&about.extent))?;
        }
        writeln!(out, "\n| control | requirement | state | reason, or what is not shown |")?;
        writeln!(out, "| --- | --- | --- | --- |")?;
        for control in &assessment.controls {
            let remark = match reason(control, assessment.unread) {
                reason if reason.is_empty() => {
                    gap(control).map(|gap| format!("not shown: {gap}")).unwrap_or_default()
                }
                reason => reason,
            };
            let (id, title) = (cell(&control.control.id), cell(&control.control.title));
            let state = label(control.state);
            let state = if control.state == ControlState::Fails {
                format!("**{state}**")
            } else {
                state.to_owned()
            };
            writeln!(out, "| {id} | {title} | {state} | {} |", cell(&cut(&remark, 300)))?;
        }
        writeln!(out, "\n## What fails\n")?;
        let mut none = true;
        for control in assessment.of_state(ControlState::Fails) {
            none = false;
            failing(control, &places, options, out)?;
        }
        if none {
            writeln!(out, "Nothing.\n")?;
        }
    }
    let unread = || judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread);
    if unread().next().is_some() {
        writeln!(out, "## What was not read\n")?;
        for note in unread() {
            writeln!(out, "- {}: {}", code(&note.place), text(&note.message))?;
        }
        writeln!(out)?;
    }
    let checks = count(judgement.tallies.len(), "check", "checks");
    let objects = crate::summary::judged(judgement);
    let configuration = match &*options.configuration {
        "" => String::new(),
        words => format!(", {}", text(words)),
    };
    writeln!(out, "{checks} on {objects}, Kubernetes {}{configuration}.", judgement.kubernetes)
}

fn failing<'a>(
    assessed: &AssessedControl<'a>,
    places: &Places<'a>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let about = assessed.control;
    writeln!(out, "### {}: {}\n", text(&about.id), text(&about.title))?;
    for evidence in assessed.evidence.iter().filter(|e| e.refutes()) {
        let rule = evidence.rule;
        writeln!(out, "- {} `{}`: {}", rule.id, name(evidence), counts(evidence))?;
        let findings: Vec<_> = evidence.of_state(State::Fails).collect();
        let told = if options.full { findings.len() } else { findings.len().min(PLACES) };
        for finding in &findings[..told] {
            let (place, subject) = (places.shown(finding), finding.subject.label());
            let message = text(&cut(&message::of(finding), 300));
            writeln!(out, "  - {} ({}): {message}", code(&place), text(&subject))?;
        }
        if told < findings.len() {
            let more = count(findings.len() - told, "more place", "more places");
            writeln!(out, "  - … and {more}")?;
        }
    }
    writeln!(out)
}

/// Formats text for a table cell, which would end at `|`, even in code.
fn cell(words: &str) -> String {
    let mut out = String::new();
    for c in text(words).chars() {
        if c == '|' && !out.ends_with('\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
