//! The last lines: how much of what, in how much.

use anstyle::Style;
use pavisade_judgement::Judgement;
use pavisade_model::{Finding, NoteKind, Severity, State};

use super::findings;
use super::page::Page;
use super::style::{self, DIM, GOOD, PLAIN, STRONG, UNKNOWN};
use crate::summary::{UNJUDGED, failing, is_empty, judged};
use crate::text::{clean, count, cut, number, width};

/// Groups of findings from which on the end repeats them in short.
const MANY: usize = 6;
/// Groups that the end repeats.
const ROWS: usize = 12;

/// Writes one line for each group: severity, check, and how many.
pub(super) fn overview(page: &mut Page<'_>, groups: &[&[&Finding]]) {
    if groups.len() < MANY {
        return;
    }
    let rows = &groups[..if groups.len() <= ROWS + 1 { groups.len() } else { ROWS }];
    findings::table(page, rows, false);
    if rows.len() < groups.len() {
        let more = count(groups.len() - rows.len(), "more check", "more checks");
        page.gap(2).put(DIM, &format!("… and {more}")).end();
    }
    page.end();
}

/// Writes it.
pub(super) fn write(page: &mut Page<'_>, judgement: &Judgement, told_all: bool) {
    let notes = |kind| judgement.notes.iter().filter(|note| note.kind == kind).count();
    let (unread, warnings, infos) =
        (notes(NoteKind::Unread), notes(NoteKind::Warning), notes(NoteKind::Info));
    let (drift, unjudged) = (notes(NoteKind::Drift), notes(NoteKind::Unjudged));
    let failed = judgement.of_state(State::Fails).count();
    let unknown = judgement.of_state(State::Unknown).count();

    let excepted = judgement.excepted.len();
    let dismissed = judgement.dismissed.len();
    let known = judgement.baseline.as_ref().map_or(0, |compared| compared.known.len());

    let mut parts: Vec<(Style, String)> = Vec::new();
    if failed > 0 {
        for severity in Severity::ALL {
            let n = judgement.of_state(State::Fails).filter(|f| f.severity == severity).count();
            if n > 0 {
                let separator = if parts.is_empty() { "" } else { ", " };
                parts.push((PLAIN, separator.to_owned()));
                let text = count(n, severity.label(), severity.label());
                parts.push((style::severity(severity), text));
            }
        }
        parts.push((PLAIN, format!(" in {}", failing(judgement))));
    } else if is_empty(judgement) {
        parts.push((STRONG, "no Kubernetes objects were found".to_owned()));
    } else {
        let style = if unknown + unread + unjudged + excepted + dismissed + known == 0 {
            GOOD
        } else {
            STRONG
        };
        let nothing = if known == 0 { "no findings" } else { "no new findings" };
        parts.push((style, nothing.to_owned()));
        parts.push((PLAIN, format!(" in {}", judged(judgement))));
    }
    if unknown > 0 {
        parts.push((PLAIN, "; ".to_owned()));
        parts.push((UNKNOWN, format!("{} could not be determined", number(unknown))));
    }
    if unread > 0 {
        parts.push((PLAIN, "; ".to_owned()));
        let text = count(unread, "input not read", "inputs not read");
        parts.push((style::note(NoteKind::Unread), text));
    }
    if warnings > 0 {
        parts.push((PLAIN, format!("; {}", count(warnings, "warning", "warnings"))));
    }

    if drift > 0 {
        parts.push((PLAIN, format!("; {}", count(drift, "difference", "differences"))));
    }
    if unjudged > 0 {
        let (one, many) = UNJUDGED;
        parts.push((PLAIN, "; ".to_owned()));
        parts.push((style::note(NoteKind::Unjudged), count(unjudged, one, many)));
    }

    if excepted > 0 {
        parts.push((PLAIN, format!("; {} excepted", number(excepted))));
    }
    if dismissed > 0 {
        let dismissed = number(dismissed);
        parts.push((PLAIN, format!("; {dismissed} dismissed by VEX statements")));
    }
    if let Some(compared) = &judgement.baseline {
        let (gone, total) = (number(compared.gone.len()), number(compared.total));
        parts
            .push((PLAIN, format!("; {} in the baseline, {gone} of {total} fixed", number(known))));
    }

    let checks = count(judgement.tallies.len(), "check", "checks");
    let mut about = format!("{checks}, Kubernetes {}", judgement.kubernetes);
    for cluster in &judgement.clusters {
        let name = cut(&clean(&cluster.name), 100).into_owned();
        let what = match cluster.distribution.name.word() {
            "unknown" => "of unknown distribution",
            _ => cluster.distribution.name.title(),
        };
        let version = cluster.version.as_deref().unwrap_or("of unknown version");
        about = format!("{about}, cluster {name} ({}, {what})", cut(&clean(version), 60));
    }
    if judgement.worlds > 1 {
        about = format!("{about}, {} worlds", judgement.worlds);
    }
    if !page.options.configuration.is_empty() {
        about = format!("{about}, {}", page.options.configuration);
    }
    if failed + unknown + unread + warnings + drift + unjudged == 0 {
        // All is well: one line is enough.
        parts.push((DIM, format!(" ({about})")));
        if !told_all {
            let notes = count(infos, "note", "notes");
            parts.push((DIM, format!("; {notes} (shown by `--full`)")));
        }
        line(page, &parts);
        return;
    }
    line(page, &parts);
    let mut parts = vec![(DIM, about)];
    if !told_all {
        parts.push((DIM, "; `--full` shows everything".to_owned()));
    }
    if let Some(first) = judgement.findings.first() {
        parts
            .push((DIM, format!("; `pavisade checks explain {}` explains a check", first.rule.id)));
    }
    line(page, &parts);
}

/// Parts in a row, broken between parts where the row is full.
fn line(page: &mut Page<'_>, parts: &[(Style, String)]) {
    let mut used = 0;
    for (i, (style, text)) in parts.iter().enumerate() {
        // A separator stays with what is before it.
        let next = parts.get(i + 1).map_or(0, |(_, t)| if text.len() <= 2 { width(t) } else { 0 });
        if used > 0 && text.len() > 2 && used + width(text) + next > page.width {
            if text.starts_with(';') {
                page.put(PLAIN, ";");
            }
            page.end();
            page.put(PLAIN, "  ");
            let text = text.trim_start_matches([';', ' ']);
            page.put(*style, text);
            used = 2 + width(text);
        } else {
            page.put(*style, text);
            used += width(text);
        }
    }
    page.end();
}
