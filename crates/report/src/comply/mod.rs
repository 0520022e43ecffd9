//! Assessments of frameworks: for terminals, as JSON, CSV, and Markdown.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use pavisade_compliance::Assessed;
use pavisade_compliance::{AssessedControl, Assessment, ControlState, Evidence};
use pavisade_judgement::Judgement;
use pavisade_model::{Rule, State};

use crate::text::count;
use crate::{Options, guard, message, terminal};

mod csv;
pub mod json;
mod lists;
mod markdown;
#[cfg(test)]
mod tests;

pub use lists::{framework_explain, frameworks_list, topics_list};

/// The format of an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComplyFormat {
    /// For terminals.
    Terminal,
    /// The versioned document: [`json`].
    Json,
    /// One row per control.
    Csv,
    /// A document with tables.
    Markdown,
}

/// Writes the assessments of a judgement.
///
/// # Errors
/// Writing to `out` fails.
pub fn comply(
    format: ComplyFormat,
    judgement: &Judgement,
    assessments: &[Assessment<'_>],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    match format {
        ComplyFormat::Terminal => terminal::comply(judgement, assessments, options, &mut out)?,
        ComplyFormat::Json => {
            guard::write(&json::Document::new(judgement, assessments, options), &mut out)?;
        }
        ComplyFormat::Csv => csv::write(assessments, &mut out)?,
        ComplyFormat::Markdown => markdown::write(judgement, assessments, options, &mut out)?,
    }
    out.flush()
}

/// Maximum number of reasons for a control that has a single line.
const REASONS: usize = 5;

/// Returns the label of a state.
pub(crate) fn label(state: ControlState) -> &'static str {
    match state {
        ControlState::Fails => "fails",
        ControlState::Excepted => "excepted",
        ControlState::Unknown => "unknown",
        ControlState::HoldsInPart => "holds in part",
        ControlState::Holds => "holds",
        ControlState::NotApplicable => "not applicable",
        ControlState::Unseen => "no matching objects",
        ControlState::Elsewhere => "not assessed here",
        ControlState::ByHand => "cannot be assessed automatically",
    }
}

/// Returns why a control has no result, or what its result does not cover, as a sentence without a
/// period. May be empty.
pub(crate) fn reason(control: &AssessedControl<'_>, unread: usize) -> String {
    match (&control.control.assessed, control.state) {
        (
            Assessed::ByHand(text) | Assessed::Elsewhere(text),
            ControlState::ByHand | ControlState::Elsewhere,
        ) => text.clone(),
        (_, ControlState::Excepted) => "its failing checks are covered by exceptions".to_owned(),
        (_, ControlState::Unknown) => {
            let mut reasons = unknown_reasons(control, unread);
            if reasons.len() > REASONS + 1 {
                let more = count(reasons.len() - REASONS, "more reason", "more reasons");
                reasons.truncate(REASONS);
                reasons.push(format!("and {more}"));
            }
            reasons.join("; ")
        }
        (_, ControlState::NotApplicable) => "not applicable".to_owned(),
        (_, ControlState::Unseen) => "no objects that its checks apply to were read".to_owned(),
        _ => String::new(),
    }
}

/// Returns what the checks of a control do not cover, and which of them had no subjects.
pub(crate) fn gap<'a>(control: &'a AssessedControl<'_>) -> Option<Cow<'a, str>> {
    let gap = match &control.control.assessed {
        Assessed::Partly(gap) => Some(gap.as_str()),
        Assessed::ByHand(gap) if control.state != ControlState::ByHand => Some(gap.as_str()),
        _ => None,
    };
    if control.state != ControlState::HoldsInPart || control.unseen.is_empty() {
        return gap.map(Cow::Borrowed);
    }
    let ran = |rule: &Rule| control.evidence.iter().any(|evidence| evidence.rule.id == rule.id);
    let others = control.unseen.iter().filter(|rule| !ran(rule)).count();
    let unseen = format!(
        "{} of its {} apply to objects of which none were read",
        control.unseen.len(),
        count(control.evidence.len() + others, "check", "checks")
    );
    Some(Cow::Owned(match gap {
        Some(gap) => format!("{gap}; {unseen}"),
        None => unseen,
    }))
}

/// Returns the reasons why a control is unknown, without duplicates.
pub(crate) fn unknown_reasons(control: &AssessedControl<'_>, unread: usize) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for evidence in control.evidence.iter().filter(|e| e.stricter && e.tally.fails > 0) {
        let (id, counts) = (&evidence.rule.id, counts(evidence));
        reasons.push(format!("{id} requires more than this control, and reports: {counts}"));
    }
    let mut told = HashSet::new();
    for evidence in control.evidence.iter().filter(|e| e.tally.unknown > 0) {
        let mut found = evidence.of_state(State::Unknown).map(message::of).peekable();
        let silent = Cow::Borrowed("objects that were not read might contradict the result");
        let silent = found.peek().is_none().then_some(silent);
        let new = found.chain(silent).filter(|message| told.insert(message.clone()));
        reasons.extend(new.map(Cow::into_owned));
    }
    if !control.left_out.is_empty() {
        let names: Vec<_> = control.left_out.iter().map(|check| &*check.id).collect();
        reasons.push(format!("{} did not run", names.join(", ")));
    }
    if unread > 0 && reasons.is_empty() {
        reasons.push(match unread {
            1 => "an input was not read, and its content is not known".to_owned(),
            n => format!("{n} inputs were not read, and their content is not known"),
        });
    }
    reasons
}

/// Returns the name of a check, with the parts that apply.
pub(crate) fn name(evidence: &Evidence<'_>) -> String {
    match evidence.parts.as_slice() {
        [] => evidence.rule.name.to_string(),
        parts => format!("{} ({})", evidence.rule.name, parts.join(", ")),
    }
}

/// Returns `2 of 16 fail, 1 unknown`, counting subjects to which the check applies.
pub(crate) fn counts(evidence: &Evidence<'_>) -> String {
    let tally = evidence.tally;
    let all = tally.fails + tally.unknown + tally.holds;
    let mut parts = Vec::new();
    if tally.fails > 0 {
        parts.push(format!(
            "{} of {all} {}",
            tally.fails,
            if tally.fails == 1 { "fails" } else { "fail" }
        ));
    }
    let excepted = evidence.excepted.iter().filter(|f| f.state == State::Fails).count();
    if excepted > 0 {
        parts.push(format!("{} excepted", count(excepted, "place", "places")));
    }
    if tally.unknown > 0 {
        parts.push(format!("{} unknown", tally.unknown));
    }
    if tally.holds > 0 && tally.fails == 0 {
        parts.push(format!("{} {}", tally.holds, if tally.holds == 1 { "holds" } else { "hold" }));
    }
    if all == 0 {
        parts.push(
            if tally.not_applicable > 0 { "not applicable" } else { "no matching objects" }
                .to_owned(),
        );
    }
    parts.join(", ")
}

/// Describes how much of a framework is assessed, in one sentence.
pub(crate) fn coverage(framework: &pavisade_compliance::Framework) -> String {
    let coverage = framework.coverage();
    let by_checks = coverage.by_checks + coverage.partly;
    let mut text = format!(
        "{by_checks} of {} assessed by checks",
        count(coverage.controls, "control", "controls")
    );
    if coverage.partly > 0 {
        text += &format!(", {} of them in part", coverage.partly);
    }
    if coverage.elsewhere > 0 {
        text += &format!("; {} not assessed here", coverage.elsewhere);
    }
    if coverage.by_hand > 0 {
        text += &format!("; {} cannot be assessed automatically", coverage.by_hand);
    }
    text
}

/// Describes how many of the controls assessed by checks have a result, and which, in one sentence.
pub(crate) fn results(assessment: &Assessment<'_>) -> String {
    let told = |states: &[ControlState]| {
        let parts = states.iter().filter_map(|state| {
            let n = assessment.count(*state);
            let words = match state {
                ControlState::Fails if n != 1 => "fail",
                ControlState::HoldsInPart if n != 1 => "hold in part",
                ControlState::Holds if n != 1 => "hold",
                ControlState::Unseen => "without matching objects",
                state => label(*state),
            };
            (n > 0).then(|| format!("{n} {words}"))
        });
        parts.collect::<Vec<_>>().join(", ")
    };
    let coverage = assessment.framework.coverage();
    let assessed = coverage.by_checks + coverage.partly;
    let with = assessment.controls.iter().filter(|c| c.state.is_result()).count();
    let results = told(&[ControlState::Fails, ControlState::HoldsInPart, ControlState::Holds]);
    let without = told(&[
        ControlState::Excepted,
        ControlState::Unknown,
        ControlState::NotApplicable,
        ControlState::Unseen,
    ]);
    let mut text = match assessed {
        0 => "none of them has a result".to_owned(),
        n if n == with => format!("all of these have a result: {results}"),
        n if results.is_empty() => format!("none of these {n} has a result"),
        n => format!(
            "{with} of these {n} {} a result: {results}",
            if with == 1 { "has" } else { "have" }
        ),
    };
    if !without.is_empty() {
        text += &format!("; without one: {without}");
    }
    text
}
