//! The short form: a line for each finding, with severity, place, check and what is wrong. Reason,
//! source and fix are for those who ask (`--explain`).

use pavisade_model::{Finding, Severity};

use super::page::{Page, place};
use super::style::{self, DIM, PLAIN, STRONG};
use crate::message;
use crate::text::{clean, count, cut, width};

/// Columns of severities and the gap behind them.
const SEVERITY: usize = 10;
/// Columns to which places are filled up: a third of the page.
const PLACE: usize = 3;
/// Columns below which no check is named behind a place.
const ROOM: usize = 8;
/// Columns below which nothing is said behind a check.
const MESSAGE: usize = 24;

/// Writes all groups, of one check and severity each; returns whether all findings were told.
pub(super) fn section(page: &mut Page<'_>, groups: &[&[&Finding]], worlds: bool) -> bool {
    let mut told_all = true;
    for same in groups.chunk_by(|a, b| severity(a) == severity(b)) {
        let shown = same.iter().map(|group| (*group, rows(page, group, groups.len())));
        let shown: Vec<_> = shown.collect();
        let places = shown.iter().flat_map(|(group, rows)| &group[..*rows]);
        let places = places.map(|finding| width(&place(page, finding)));
        let fill = places.filter(|width| *width <= page.width / PLACE + 6).max().unwrap_or(0);
        for (group, rows) in shown {
            for finding in &group[..rows] {
                row(page, finding, fill, worlds);
            }
            if let Some(first) = group.get(rows) {
                let more = count(group.len() - rows, "more", "more");
                let more = format!("… and {more} of {}", first.rule.name);
                page.gap(SEVERITY).put(DIM, &more).end();
                told_all = false;
            }
        }
        page.end();
    }
    told_all
}

fn severity(group: &[&Finding]) -> Option<Severity> {
    group.first().map(|first| first.severity)
}

/// Findings of a group that have a line: the fewer, the more groups there are.
fn rows(page: &Page<'_>, group: &[&Finding], groups: usize) -> usize {
    let most = match (groups, severity(group)) {
        (0..=12, _) => page.options.places,
        (0..=30, _) => 5,
        (_, Some(Severity::Critical | Severity::High)) => 3,
        (_, Some(Severity::Medium)) => 2,
        _ => 1,
    };
    let most = most.min(page.options.places);
    // One line more says what one line would leave out.
    if group.len() <= most + 1 { group.len() } else { most }
}

fn row(page: &mut Page<'_>, finding: &Finding, fill: usize, worlds: bool) {
    let (label, name) = (finding.severity.label(), &*finding.rule.name);
    let place = place(page, finding);
    page.put(style::severity(finding.severity), label).gap(SEVERITY - label.len());
    // What stands behind it may be cut, the place never is: people and editors open it.
    page.put(PLAIN, &place).gap(fill.saturating_sub(width(&place)) + 2);
    let used = SEVERITY + width(&place).max(fill) + 2;
    if used + ROOM > page.width {
        page.end();
        return;
    }
    let shown = cut(name, page.width - used).into_owned();
    page.put(STRONG, &shown);
    let used = used + width(&shown) + 2;
    if used + MESSAGE <= page.width {
        let mut what = clean(&message::of(finding)).into_owned();
        // What the text does not name is named behind it, where there is room.
        let subject = super::page::subject(finding, worlds, false);
        if !subject.is_empty() && !what.contains(&finding.subject.name()) {
            what = format!("{what} · {subject}");
        }
        let what = cut(&what, page.width - used).into_owned();
        page.gap(2).put(DIM, &what);
    }
    page.end();
}
