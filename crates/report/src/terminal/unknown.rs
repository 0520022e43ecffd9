//! Unknown results, grouped by check and reason.

use std::collections::BTreeSet;

use pavisade_model::{Finding, Location, Subject};

use super::page::{Page, place, subject};
use super::style::{DIM, FRAME, HELP, UNKNOWN};
use crate::message;
use crate::text::{clean, count, cut, first_paragraph, unbroken};

/// Maximum number of reasons by default.
const REASONS: usize = 6;
/// Maximum number of places of a reason by default.
const PLACES: usize = 3;

/// Writes the section. Returns whether everything was shown.
pub(super) fn section(page: &mut Page<'_>, unknown: &[&Finding], worlds: bool) -> bool {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut by_reason = std::collections::HashMap::new();
    for finding in unknown {
        // What was not read of a whole world is reported once for all checks.
        let check = if of_world(finding) { "" } else { &finding.rule.id };
        let at = *by_reason.entry((check, message::of(finding))).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(finding);
    }
    let full = page.options.full;
    let told = if full || groups.len() <= REASONS + 1 { groups.len() } else { REASONS };
    let mut told_all = told == groups.len();
    for group in &groups[..told] {
        told_all &= reason(page, group, worlds);
    }
    if told < groups.len() {
        let left: usize = groups[told..].iter().map(Vec::len).sum();
        let reasons = count(groups.len() - told, "more reason", "more reasons");
        let places = count(left, "place", "places");
        page.put(DIM, &format!("… and {reasons} for unknown results, in {places}")).end();
        page.end();
    }
    told_all
}

fn of_world(finding: &Finding) -> bool {
    matches!((&finding.subject, &finding.location), (Subject::World { .. }, Location::None))
}

fn reason(page: &mut Page<'_>, group: &[&Finding], worlds: bool) -> bool {
    let Some(first) = group.first() else { return true };
    let checks: BTreeSet<_> = group.iter().map(|f| (&*f.rule.id, &*f.rule.name)).collect();
    if checks.len() > 1 {
        let text = format!("{} ({} checks)", cut(&message::of(first), 1500), checks.len());
        page.header(UNKNOWN, "unknown", ("", &text));
        let names: Vec<_> = checks.iter().map(|(_, name)| *name).collect();
        page.gap(1).put(FRAME, "--> ").wrapped(DIM, &names.join(", "), 5, 5);
        page.end();
        return true;
    }
    let label = format!("unknown[{}]", first.rule.id);
    let text = if group.len() == 1 {
        message::of(first).into_owned()
    } else {
        let places = unbroken(&count(group.len(), "place", "places"));
        format!("{} ({places})", cut(&message::of(first), 1500))
    };
    page.header(UNKNOWN, &label, (&first.rule.name, &text));
    let told = if page.options.full || group.len() <= PLACES + 1 { group.len() } else { PLACES };
    for finding in &group[..told] {
        page.arrow(1, &place(page, finding), &subject(finding, worlds, group.len() > 1));
    }
    if told < group.len() {
        let more = count(group.len() - told, "more place", "more places");
        page.gap(5).put(DIM, &format!("… and {more}")).end();
    }
    if page.options.full {
        let fix = if first.advice.is_empty() { &*first.rule.advice } else { &first.advice };
        page.remark(1, (HELP, "fix:"), &clean(&first_paragraph(fix)));
    }
    page.end();
    told == group.len()
}
