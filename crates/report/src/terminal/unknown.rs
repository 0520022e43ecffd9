//! What could not be determined: grouped by check and reason.

use pavisade_model::Finding;

use super::findings::rows_of_three;
use super::page::{Page, place, subject};
use super::style::{DIM, FRAME, HELP, UNKNOWN};
use crate::text::{clean, count, cut, first_paragraph};

/// Reasons that are told without being asked.
const REASONS: usize = 6;
/// Places of one reason that are told without being asked.
const PLACES: usize = 3;

/// Writes the section; returns whether all was told.
pub(super) fn section(page: &mut Page<'_>, unknown: &[&Finding], worlds: bool) -> bool {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut by_reason = std::collections::HashMap::new();
    for finding in unknown {
        let at = *by_reason.entry((finding.check.id, &finding.message)).or_insert(groups.len());
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
        page.put(DIM, &format!("… and {reasons} why something is unknown, in {places}")).end();
        page.end();
    }
    told_all
}

fn reason(page: &mut Page<'_>, group: &[&Finding], worlds: bool) -> bool {
    let Some(first) = group.first() else { return true };
    let label = format!("unknown[{}]", first.check.id);
    let text = if group.len() == 1 {
        first.message.clone()
    } else {
        format!("{} ({})", cut(&first.message, 1500), count(group.len(), "place", "places"))
    };
    page.header(UNKNOWN, &label, (first.check.name, &text));
    if group.len() == 1 {
        page.arrow(1, &place(first), &subject(first, worlds));
    } else {
        page.gap(1).put(FRAME, "-->").end();
    }
    let told = if page.options.full || group.len() <= PLACES + 1 { group.len() } else { PLACES };
    if group.len() > 1 {
        let row = |f: &&Finding| (place(f), subject(f, worlds), String::new());
        let rows: Vec<_> = group[..told].iter().map(row).collect();
        rows_of_three(page, &rows, 5);
    }
    if told < group.len() {
        let more = count(group.len() - told, "more place", "more places");
        page.gap(5).put(DIM, &format!("… and {more}")).end();
    }
    if page.options.full {
        let fix = if first.fix.is_empty() { first.check.fix } else { &first.fix };
        page.remark(1, (HELP, "fix:"), &clean(&first_paragraph(fix)));
    }
    page.end();
    told == group.len()
}
