//! Findings with exceptions, on request.

use pavisade_judgement::{Excepted, Exception};

use super::page::{Page, place, subject};
use super::style::{DIM, STRONG};
use crate::text::{count, cut, unbroken};

/// Maximum number of places of an exception and check by default.
const PLACES: usize = 8;

/// Writes the section. Returns whether everything was shown.
pub(super) fn section(page: &mut Page<'_>, excepted: &[Excepted], worlds: bool) -> bool {
    let mut told_all = true;
    let same = |a: &Excepted, b: &Excepted| {
        a.finding.rule.id == b.finding.rule.id && std::ptr::eq(&*a.exception, &*b.exception)
    };
    let mut sorted: Vec<&Excepted> = excepted.iter().collect();
    let address = |e: &Excepted| std::ptr::from_ref::<Exception>(&e.exception);
    let mut order: Vec<_> = sorted.iter().map(|e| (&e.finding.rule.id, address(e))).collect();
    order.dedup();
    let first = |e: &Excepted| order.iter().position(|k| *k == (&e.finding.rule.id, address(e)));
    sorted.sort_by_cached_key(|e| first(e));
    for group in sorted.chunk_by(|a, b| same(a, b)) {
        told_all &= one(page, group, worlds);
    }
    told_all
}

fn one(page: &mut Page<'_>, group: &[&Excepted], worlds: bool) -> bool {
    let Some(first) = group.first() else { return true };
    let rule = &first.finding.rule;
    let mut text = rule.title.trim_end_matches('.').to_owned();
    if group.len() > 1 {
        let places = unbroken(&count(group.len(), "place", "places"));
        text = format!("{text} ({places})");
    }
    page.header(DIM, &format!("excepted[{}]", rule.id), (&rule.name, &text));
    let told = if page.options.full || group.len() <= PLACES + 1 { group.len() } else { PLACES };
    for Excepted { finding, .. } in group[..told].iter().copied() {
        page.arrow(1, &place(page, finding), &subject(finding, worlds, true));
    }
    if told < group.len() {
        let more = count(group.len() - told, "more place", "more places");
        page.gap(5).put(DIM, &format!("… and {more}")).end();
    }
    let Exception { until, reason, form, .. } = &*first.exception;
    let label = format!("until {until} ({}):", form.name());
    page.remark(1, (STRONG, &label), &cut(reason, 1000));
    page.end();
    told == group.len()
}
