//! The last lines: counts, and what was scanned.

use anstyle::Style;
use pavisade_judgement::Judgement;
use pavisade_model::{Area, Finding, Fixable, NoteKind, Severity, State};

use super::page::Page;
use super::style::{self, DIM, GOOD, PLAIN, STRONG, UNKNOWN};
use crate::advice;
use crate::summary::{UNJUDGED, failing, is_empty, judged};
use crate::text::{clean, count, cut, number, width};

/// Writes the number of findings by area and severity, if several areas have findings.
pub(super) fn table(page: &mut Page<'_>, failed: &[&Finding]) {
    let of = |area: Area, severity: Severity| {
        failed.iter().filter(|f| f.rule.area == area && f.severity == severity).count()
    };
    let severities: Vec<_> =
        Severity::ALL.into_iter().filter(|s| failed.iter().any(|f| f.severity == *s)).collect();
    let areas: Vec<_> =
        Area::ALL.into_iter().filter(|a| failed.iter().any(|f| f.rule.area == *a)).collect();
    if areas.len() < 2 {
        return;
    }
    let names = areas.iter().map(|area| area.name().len()).max().unwrap_or(0);
    let columns: Vec<_> = severities
        .iter()
        .map(|severity| {
            let widest = areas.iter().map(|area| number(of(*area, *severity)).len()).max();
            widest.unwrap_or(0).max(severity.label().len()) + 3
        })
        .collect();
    page.gap(2 + names);
    for (severity, columns) in severities.iter().zip(&columns) {
        page.gap(columns - severity.label().len());
        page.put(style::severity(*severity), severity.label());
    }
    page.end();
    for area in areas {
        page.gap(2).put(PLAIN, area.name()).gap(names - area.name().len());
        for (severity, columns) in severities.iter().zip(&columns) {
            let text = match of(area, *severity) {
                0 => "-".to_owned(),
                n => number(n),
            };
            page.gap(columns - text.len());
            page.put(if text == "-" { DIM } else { PLAIN }, &text);
        }
        page.end();
    }
    page.end();
}

/// Returns what `pavisade fix` would do, and the command.
fn fixable(page: &Page<'_>, judgement: &Judgement) -> Option<String> {
    let able = |how| {
        let each = judgement.of_state(State::Fails).flat_map(Finding::each);
        each.filter(|finding| advice::fixable(finding) == how).count()
    };
    let (safely, riskily) = (able(Fixable::Safely), able(Fixable::Riskily));
    let paths: String =
        page.options.paths.iter().map(|path| format!(" {}", quoted(&clean(path)))).collect();
    let more = format!("{} more with --risky", number(riskily));
    match (safely, riskily) {
        (0, 0) => None,
        (0, n) => Some(format!("{} fixable: pavisade fix --risky --diff{paths}", number(n))),
        (n, 0) => Some(format!("{} fixable: pavisade fix --diff{paths}", number(n))),
        (n, _) => Some(format!("{} fixable: pavisade fix --diff{paths} ({more})", number(n))),
    }
}

/// Quotes a path for a shell.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    match !path.is_empty() && path.chars().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// Writes the summary.
pub(super) fn write(page: &mut Page<'_>, judgement: &Judgement, told_all: bool, explained: bool) {
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
        // Nothing found: one line is enough.
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
    if !explained && failed + unknown > 0 {
        parts.push((DIM, "; `--explain` shows source, reason and fix".to_owned()));
    }
    if !told_all {
        parts.push((DIM, "; `--full` shows everything".to_owned()));
    }
    line(page, &parts);
    if let Some(fixable) = fixable(page, judgement) {
        page.put(STRONG, &fixable).end();
    }
}

/// Writes parts in a row, wrapped between parts.
fn line(page: &mut Page<'_>, parts: &[(Style, String)]) {
    let mut used = 0;
    for (i, (style, text)) in parts.iter().enumerate() {
        // A separator stays with the part before it.
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
