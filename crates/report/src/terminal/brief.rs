//! The short format: one line per finding, with severity, place, check and message. `--explain`
//! adds reason, source and fix.

use pavisade_model::{Finding, Severity};

use super::page::{Page, place};
use super::style::{self, DIM, PLAIN, STRONG};
use crate::message;
use crate::text::{clean, count, cut, width};

/// Width of the severity column, including the gap.
const SEVERITY: usize = 10;
/// The place column takes at most this fraction of the page: a third.
const PLACE: usize = 3;
/// Minimum remaining width for showing the check.
const ROOM: usize = 8;
/// Minimum remaining width for showing the message.
const MESSAGE: usize = 24;

/// Writes all groups, each of one check and severity. Returns whether all findings were shown.
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

/// Returns the number of findings of a group that are shown. It decreases with the number of
/// groups.
fn rows(page: &Page<'_>, group: &[&Finding], groups: usize) -> usize {
    let most = match (groups, severity(group)) {
        (0..=12, _) => page.options.places,
        (0..=30, _) => 5,
        (_, Some(Severity::Critical | Severity::High)) => 3,
        (_, Some(Severity::Medium)) => 2,
        _ => 1,
    };
    let most = most.min(page.options.places);
    // Do not replace a single line with a line that says so.
    if group.len() <= most + 1 { group.len() } else { most }
}

fn row(page: &mut Page<'_>, finding: &Finding, fill: usize, worlds: bool) {
    let (label, name) = (finding.severity.label(), &*finding.rule.name);
    let place = place(page, finding);
    page.put(style::severity(finding.severity), label).gap(SEVERITY - label.len());
    // Text after the place may be cut, but never the place, which users open in an editor.
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
        // The subject is added if the text does not contain it and there is room.
        let subject = super::page::subject(finding, worlds, false);
        if !subject.is_empty() && !what.contains(&finding.subject.name()) {
            what = format!("{what} · {subject}");
        }
        let what = cut(&what, page.width - used).into_owned();
        page.gap(2).put(DIM, &what);
    }
    page.end();
}
