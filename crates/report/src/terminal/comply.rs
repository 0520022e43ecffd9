//! Assessments for terminals: by state, those that need attention first, each control with its
//! evidence; then how much of each framework is assessed.

use std::io::{self, Write};

use anstyle::Style;
use pavisade_compliance::{AssessedControl, Assessment, ControlState, Evidence};
use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Severity, State};

use super::notes;
use super::page::{Page, place, subject};
use super::style::{self, DIM, GOOD, HELP, PLAIN, STRONG, UNKNOWN};
use crate::Options;
use crate::comply::{counts, coverage, gap, label, name, reason, results, unknown_reasons};
use crate::region::Regions;
use crate::text::{clean, count, cut, width};

/// Maximum number of checks of a control by default.
const CHECKS: usize = 3;
/// Maximum number of reasons of a control by default.
const REASONS: usize = 2;
/// Maximum width of an id with the title on the same line.
const IDS: usize = 18;
/// Indentation below a control.
const INDENT: usize = 6;

/// Writes the assessments.
pub(crate) fn write(
    judgement: &Judgement,
    assessments: &[Assessment<'_>],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let worlds = judgement.worlds > 1;
    let mut page = Page::new(options, out);
    if options.full {
        page.regions = Regions::new(&judgement.findings);
    }
    let mut told_all = true;
    for assessment in assessments {
        told_all &= framework(&mut page, assessment, worlds);
        page.flush()?;
    }
    told_all &= notes::section(&mut page, &judgement.notes, crate::summary::is_empty(judgement));
    if assessments.len() > 1 {
        table(&mut page, assessments);
    }
    last(&mut page, judgement, told_all);
    page.flush()
}

fn style_of(state: ControlState) -> Style {
    match state {
        ControlState::Fails => style::severity(Severity::High),
        ControlState::Excepted => style::severity(Severity::Medium),
        ControlState::Unknown => UNKNOWN,
        ControlState::HoldsInPart => HELP,
        ControlState::Holds => GOOD,
        ControlState::NotApplicable
        | ControlState::Unseen
        | ControlState::Elsewhere
        | ControlState::ByHand => DIM,
    }
}

/// Writes one framework. Returns whether everything was shown.
fn framework(page: &mut Page<'_>, assessment: &Assessment<'_>, worlds: bool) -> bool {
    let about = assessment.framework;
    page.put(STRONG, &cut(&clean(&about.title), 200)).put(DIM, &format!(" ({})", about.id)).end();
    page.end();
    let mut told_all = true;
    for state in ControlState::ALL {
        let controls: Vec<_> = assessment.of_state(state).collect();
        if controls.is_empty() {
            continue;
        }
        page.put(style_of(state), label(state));
        page.put(PLAIN, &format!(": {}", count(controls.len(), "control", "controls"))).end();
        let brief = matches!(
            state,
            ControlState::NotApplicable
                | ControlState::Unseen
                | ControlState::Elsewhere
                | ControlState::ByHand
        );
        if brief && !page.options.full {
            let ids: Vec<_> =
                controls.iter().map(|c| clean(&c.control.id).replace(' ', "_")).collect();
            page.gap(2).wrapped(DIM, &ids.join(", "), 2, 2);
            told_all = false;
        } else {
            let ids = controls.iter().map(|c| width(&clean(&c.control.id))).max().unwrap_or(0);
            for of_state in &controls {
                told_all &= control(page, of_state, assessment.unread, ids, worlds);
            }
        }
        page.end();
    }
    page.wrapped(STRONG, &coverage(about), 0, 2);
    page.wrapped(PLAIN, &results(assessment), 0, 2);
    if !about.extent.is_empty() {
        page.wrapped(DIM, &format!("listed: {}", cut(&clean(&about.extent), 500)), 0, 2);
    }
    page.end();
    told_all
}

fn control(
    page: &mut Page<'_>,
    assessed: &AssessedControl<'_>,
    unread: usize,
    ids: usize,
    worlds: bool,
) -> bool {
    let about = assessed.control;
    let id = clean(&about.id).into_owned();
    let mut title = cut(&clean(&about.title), 500).into_owned();
    if let Some(level) = &about.level
        && !about.id.starts_with(level.as_str())
    {
        title = format!("{title} ({})", clean(level));
    }
    page.gap(2).put(STRONG, &id);
    let used = if ids <= IDS {
        page.gap(ids - width(&id) + 2);
        2 + ids + 2
    } else {
        page.end();
        page.gap(4);
        4
    };
    // For a control that holds, one line is enough.
    let proof = match assessed.state {
        ControlState::Holds | ControlState::HoldsInPart if !page.options.full => proof(assessed),
        _ => String::new(),
    };
    if !proof.is_empty() && used + width(&title) + 3 + width(&proof) <= page.width {
        page.put(PLAIN, &title).put(DIM, " · ").put(DIM, &proof).end();
    } else {
        page.wrapped(PLAIN, &title, used, used);
        if !proof.is_empty() {
            page.gap(INDENT).put(DIM, &proof).end();
        }
    }
    match assessed.state {
        ControlState::Fails => failing(page, assessed, worlds),
        ControlState::Excepted => {
            let excepted = assessed.evidence.iter().filter(|e| e.is_excepted());
            excepted.for_each(|evidence| line(page, evidence));
            true
        }
        ControlState::Unknown => unknown(page, assessed, unread),
        ControlState::HoldsInPart | ControlState::Holds => {
            let told = holding(page, assessed);
            if let Some(gap) = gap(assessed) {
                remark(page, "not shown", &gap);
            }
            told
        }
        _ => {
            let reason = reason(assessed, unread);
            page.gap(INDENT).wrapped(DIM, &reason, INDENT, INDENT);
            true
        }
    }
}

fn failing(page: &mut Page<'_>, assessed: &AssessedControl<'_>, worlds: bool) -> bool {
    let full = page.options.full;
    let fails: Vec<_> = assessed.evidence.iter().filter(|e| e.refutes()).collect();
    let told = if full || fails.len() <= CHECKS + 1 { fails.len() } else { CHECKS };
    let mut told_all = told == fails.len();
    for evidence in &fails[..told] {
        told_all &= check(page, evidence, worlds);
    }
    if told < fails.len() {
        let rest = &fails[told..];
        let names: Vec<_> = rest.iter().map(|e| &*e.rule.id).collect();
        let more = count(rest.len(), "more check fails", "more checks fail");
        let text = format!("… and {more}: {}", names.join(", "));
        page.gap(INDENT).wrapped(DIM, &text, INDENT, INDENT + 2);
    }
    let others: Vec<_> = assessed.evidence.iter().filter(|e| !e.refutes()).collect();
    if full {
        for evidence in others {
            line(page, evidence);
        }
        if !assessed.left_out.is_empty() {
            let names: Vec<_> = assessed.left_out.iter().map(|check| &*check.id).collect();
            remark(page, "did not run", &names.join(", "));
        }
        if let Some(gap) = gap(assessed) {
            remark(page, "not shown", &gap);
        }
    } else if !others.is_empty() {
        told_all = false;
    }
    told_all
}

/// Writes a failing check and its first places.
fn check(page: &mut Page<'_>, evidence: &Evidence<'_>, worlds: bool) -> bool {
    line(page, evidence);
    let findings: Vec<&Finding> = evidence.of_state(State::Fails).collect();
    let few = page.options.per_check;
    let told = if page.options.full || findings.len() <= few { findings.len() } else { few };
    for (at, finding) in findings[..told].iter().enumerate() {
        let place = place(page, finding);
        let subject = subject(finding, worlds, false);
        page.arrow(INDENT, &place, &subject);
        let last = at + 1 == told && told < findings.len();
        if last {
            let more = count(findings.len() - told, "more place", "more places");
            page.gap(INDENT + 4).put(DIM, &format!("… and {more}")).end();
        }
    }
    told == findings.len()
}

/// Writes `high  PV-C002 host-namespace: 2 of 16 fail`.
fn line(page: &mut Page<'_>, evidence: &Evidence<'_>) {
    let (check, tally) = (evidence.rule, evidence.tally);
    page.gap(INDENT);
    let mut used = INDENT;
    if tally.fails > 0 {
        let worst = evidence.of_state(State::Fails).map(|f| f.severity).max();
        let severity = worst.unwrap_or(check.severity);
        page.put(style::severity(severity), severity.name()).put(PLAIN, " ");
        used += severity.name().len() + 1;
    }
    page.put(PLAIN, &check.id).put(PLAIN, " ");
    used += check.id.len() + 1;
    let text = format!("{}: {}", name(evidence), counts(evidence));
    page.wrapped(PLAIN, &text, used, INDENT + 4);
}

fn unknown(page: &mut Page<'_>, assessed: &AssessedControl<'_>, unread: usize) -> bool {
    let reasons = unknown_reasons(assessed, unread);
    let full = page.options.full;
    let told = if full || reasons.len() <= REASONS + 1 { reasons.len() } else { REASONS };
    for reason in &reasons[..told] {
        page.gap(INDENT).wrapped(UNKNOWN_TEXT, &cut(&clean(reason), 600), INDENT, INDENT + 2);
    }
    if told < reasons.len() {
        let more = count(reasons.len() - told, "more reason", "more reasons");
        page.gap(INDENT).put(DIM, &format!("… and {more}")).end();
    }
    let doubtful = |e: &&Evidence<'_>| e.tally.unknown > 0 || e.tally.fails > 0;
    let checks: Vec<_> = assessed.evidence.iter().filter(doubtful).collect();
    if full {
        for evidence in &assessed.evidence {
            line(page, evidence);
        }
        if let Some(gap) = gap(assessed) {
            remark(page, "not shown", &gap);
        }
    } else if !checks.is_empty() {
        let names: Vec<_> =
            checks.iter().map(|e| format!("{} {}", e.rule.id, e.rule.name)).collect();
        let names = names.iter().map(|n| n.replace(' ', "\u{a0}")).collect::<Vec<_>>().join(", ");
        page.gap(INDENT).wrapped(DIM, &names, INDENT, INDENT + 2);
    }
    told == reasons.len()
}

/// The style of reasons, which are text to read.
const UNKNOWN_TEXT: Style = PLAIN;

fn holding(page: &mut Page<'_>, assessed: &AssessedControl<'_>) -> bool {
    if page.options.full {
        for evidence in &assessed.evidence {
            line(page, evidence);
        }
        return true;
    }
    false
}

/// Returns `2 checks hold for 18 subjects`.
fn proof(assessed: &AssessedControl<'_>) -> String {
    let proven = assessed.evidence.iter().filter(|e| e.tally.holds > 0);
    let (checks, subjects) =
        proven.fold((0, 0), |(checks, subjects), e| (checks + 1, subjects + e.tally.holds));
    format!(
        "{} for {}",
        count(checks, "check holds", "checks hold"),
        count(subjects, "subject", "subjects")
    )
}

fn remark(page: &mut Page<'_>, label: &str, text: &str) {
    let used = INDENT + width(label) + 2;
    page.gap(INDENT).put(DIM, label).put(DIM, ": ");
    page.wrapped(DIM, &cut(&clean(text), 500), used, INDENT + 2);
}

/// Writes one line per framework.
fn table(page: &mut Page<'_>, assessments: &[Assessment<'_>]) {
    let ids = assessments.iter().map(|a| width(&clean(&a.framework.id))).max().unwrap_or(0);
    let heads = ["fail", "unknown", "in part", "hold", "assessed", "of"];
    let cells = |a: &Assessment<'_>| {
        let coverage = a.framework.coverage();
        [
            a.count(ControlState::Fails),
            a.count(ControlState::Unknown),
            a.count(ControlState::HoldsInPart),
            a.count(ControlState::Holds),
            coverage.by_checks + coverage.partly,
            coverage.controls,
        ]
    };
    page.gap(ids + 2);
    for head in heads {
        page.gap(2).put(DIM, head);
    }
    page.end();
    for assessment in assessments {
        let id = clean(&assessment.framework.id).into_owned();
        page.gap(2).put(PLAIN, &id).gap(ids - width(&id));
        for (column, (head, n)) in heads.iter().zip(cells(assessment)).enumerate() {
            let style = match column {
                0 if n > 0 => style_of(ControlState::Fails),
                1 if n > 0 => UNKNOWN,
                _ => PLAIN,
            };
            let text = n.to_string();
            page.gap(2 + head.len().saturating_sub(text.len())).put(style, &text);
        }
        page.end();
    }
    page.end();
}

fn last(page: &mut Page<'_>, judgement: &Judgement, told_all: bool) {
    let checks = count(judgement.tallies.len(), "check", "checks");
    let objects = crate::summary::judged(judgement);
    let mut text = format!("{checks} on {objects}, Kubernetes {}", judgement.kubernetes);
    for cluster in &judgement.clusters {
        text += &format!(", cluster {}", cut(&clean(&cluster.name), 100));
    }
    if judgement.worlds > 1 {
        text += &format!(", {} worlds", judgement.worlds);
    }
    if !page.options.configuration.is_empty() {
        text += &format!(", {}", page.options.configuration);
    }
    if !told_all {
        text += "; `--full` shows everything";
    }
    page.wrapped(DIM, &text, 0, 2);
}
