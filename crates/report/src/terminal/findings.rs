//! A group: all findings of one check and severity.

use std::sync::Arc;

use pavisade_model::{Finding, Location, Severity, Subject};

use super::excerpt::Excerpt;
use super::page::{Page, place, subject};
use super::style::{self, DIM, FRAME, HELP, PLAIN, STRONG};
use crate::place::workloads;
use crate::text::{
    clean, count, cut, first_paragraph, first_sentence, number, unbroken, width, wrap,
};
use crate::{advice, mask, message};

/// What the messages of a group have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Messages {
    /// All are equal and shown once in the header.
    Equal,
    /// They differ only in the names of objects and containers.
    ByName,
    /// They are different.
    Own,
}

impl Messages {
    fn of(group: &[&Finding]) -> Self {
        let Some((first, rest)) = group.split_first() else { return Self::Own };
        if rest.iter().all(|f| message::of(f) == message::of(first)) {
            return Self::Equal;
        }
        let shape = |finding: &Finding| {
            let mut message = message::of(finding).into_owned();
            if let Subject::Object { name, container, .. } = &finding.subject {
                for name in [container.as_ref(), Some(name)].into_iter().flatten() {
                    message = message.replace(&format!("`{name}`"), "``");
                }
            }
            message
        };
        let first = shape(first);
        if rest.iter().all(|f| shape(f) == first) { Self::ByName } else { Self::Own }
    }
}

/// Number of groups from which on those of medium and low severity get one line each. `--full`
/// shows everything.
const DETAILED: usize = 24;

/// Returns how many of the groups, highest severity first, are shown in detail.
pub(crate) fn detailed(groups: &[&[&Finding]], full: bool) -> usize {
    if full || groups.len() <= DETAILED + 1 {
        return groups.len();
    }
    let grave = |group: &&&[&Finding]| group.first().is_some_and(|f| f.severity >= Severity::High);
    groups.iter().filter(grave).count().max(DETAILED)
}

/// Writes a line for each group: severity, check, count, and the first place.
pub(crate) fn brief(page: &mut Page<'_>, groups: &[&[&Finding]]) {
    if groups.is_empty() {
        return;
    }
    let more = count(groups.len(), "more check", "more checks");
    page.put(STRONG, &more).put(PLAIN, " with findings:").end();
    table(page, groups, true);
    page.end();
}

/// Writes rows of severity, check and count. With `places`, also the first place if there is room.
pub(crate) fn table(page: &mut Page<'_>, groups: &[&[&Finding]], places: bool) {
    let firsts = || groups.iter().filter_map(|group| Some((group.len(), *group.first()?)));
    let names = firsts().map(|(_, f)| f.rule.name.len()).max().unwrap_or(0);
    let numbers = firsts().map(|(n, _)| number(n).len()).max().unwrap_or(0);
    let used = |f: &Finding| 2 + 10 + f.rule.id.len() + 2 + names + 2 + numbers + 2;
    let fits = |page: &Page<'_>, f: &Finding| used(f) + width(&place(page, f)) <= page.width;
    // A column that is mostly empty is dropped.
    let places = places && firsts().filter(|(_, f)| fits(page, f)).count() * 2 > groups.len();
    for (n, finding) in firsts() {
        let (severity, check) = (finding.severity.label(), &finding.rule);
        page.gap(2).put(style::severity(finding.severity), severity).gap(10 - severity.len());
        page.put(PLAIN, &check.id).gap(2).put(PLAIN, &check.name).gap(names - check.name.len() + 2);
        page.put(STRONG, &format!("{:>numbers$}", number(n)));
        if places && fits(page, finding) {
            let place = place(page, finding);
            page.gap(2).put(DIM, &place);
        }
        page.end();
    }
}

/// Writes a group. Returns whether all of its places were shown.
pub(crate) fn group(page: &mut Page<'_>, group: &[&Finding], worlds: bool) -> bool {
    let Some(first) = group.first() else { return true };
    let style = style::severity(first.severity);
    let label = format!("{}[{}]", first.severity.label(), first.rule.id);
    let (single, messages) = (group.len() == 1, Messages::of(group));
    let mut text = match messages {
        Messages::Equal => cut(&message::of(first), 1500).into_owned(),
        Messages::ByName | Messages::Own => first.rule.title.trim_end_matches('.').to_owned(),
    };
    if !single {
        let places = unbroken(&count(group.len(), "place", "places"));
        text = format!("{text} ({places})");
    }
    page.header(style, &label, (&first.rule.name, &text));

    let shown = if page.options.full { group.len() } else { page.options.per_check };
    let (shown, rest) = group.split_at(shown.min(group.len()));
    let digits =
        shown.iter().filter_map(|f| line_of(page, f)).max().map_or(1, |n| n.to_string().len());
    for (i, finding) in shown.iter().enumerate() {
        if i > 0 {
            page.gap(digits + 1).put(FRAME, "|").end();
        }
        excerpt(page, finding, digits, worlds, (!single, messages));
    }
    let told = list(page, rest, digits, worlds, messages);
    if shown.iter().any(|f| matches!(f.location, Location::Text { .. })) || !rest.is_empty() {
        page.gap(digits + 1).put(FRAME, "|").end();
    }
    let list = |finding: &Finding| finding.workloads.as_ref().map(Arc::as_ptr);
    if group.iter().all(|finding| list(finding) == list(first)) {
        page.remark(digits, (STRONG, "in:"), &workloads(first));
    }
    page.remark(digits, (STRONG, "why:"), &first_sentence(&first.rule.why));
    let own = single && !first.advice.is_empty();
    let fix = first_paragraph(if own { &first.advice } else { &first.rule.advice });
    page.remark(digits, (HELP, "fix:"), &fix);
    if let Some(can) = advice::of_group(group) {
        page.remark(digits, (HELP, "try:"), &can);
    }
    page.end();
    told
}

fn line_of(page: &Page<'_>, finding: &Finding) -> Option<u32> {
    match &finding.location {
        Location::Text { source, span, .. } => Some(page.regions.start(source, span).0),
        Location::Field { .. } | Location::Layer { .. } | Location::None => None,
    }
}

/// Writes place, source line, underline, and the message if the header does not contain it.
fn excerpt(
    page: &mut Page<'_>,
    finding: &Finding,
    digits: usize,
    worlds: bool,
    (many, messages): (bool, Messages),
) {
    let equal = messages == Messages::Equal;
    page.arrow(digits, &place(page, finding), &subject(finding, worlds, equal && many));
    let message =
        if !equal { cut(&clean(&message::of(finding)), 2000).into_owned() } else { String::new() };
    let gutter = digits + 3;
    let excerpt = match &finding.location {
        Location::Text { source, span, .. } => {
            let (line, _) = page.regions.start(source, span);
            let (secret, room) = (mask::is_secret(finding), page.width - gutter);
            Excerpt::new(&page.regions, source, line, span, secret, room)
        }
        Location::Field { .. } | Location::Layer { .. } | Location::None => None,
    };
    let style = style::severity(finding.severity);
    if let Some(excerpt) = excerpt {
        page.gap(digits + 1).put(FRAME, "|").end();
        page.put(FRAME, &format!("{:>digits$} |", excerpt.line)).put(PLAIN, " ");
        page.put(PLAIN, &excerpt.text).end();
        page.gap(digits + 1).put(FRAME, "|").gap(excerpt.mark.start + 1);
        let room = page.width.saturating_sub(gutter + excerpt.mark.start);
        let mark = if excerpt.more {
            "^".repeat(excerpt.mark.len().min(room.saturating_sub(1))) + "…"
        } else {
            "^".repeat(excerpt.mark.len())
        };
        page.put(style, &mark);
        if gutter + excerpt.mark.start + width(&mark) + 1 + width(&message) <= page.width {
            page.put(PLAIN, " ").put(style, &message).end();
        } else {
            page.end();
            for line in wrap(&message, page.width - gutter, page.width - gutter) {
                page.gap(digits + 1).put(FRAME, "|").put(PLAIN, " ").put(style, &line).end();
            }
        }
    } else if !equal {
        page.gap(digits + 4).wrapped(style, &message, digits + 4, digits + 4);
    }
    members(page, finding, digits);
    if many && !finding.advice.is_empty() {
        page.remark(digits, (HELP, "fix:"), &first_paragraph(&finding.advice));
    }
}

/// Maximum number of members of a finding by default.
const MEMBERS: usize = 6;

/// Writes the members of a finding, one per line.
fn members(page: &mut Page<'_>, finding: &Finding, digits: usize) {
    let all = &finding.members;
    let told = match page.options.full || all.len() <= MEMBERS + 1 {
        true => all.len(),
        false => MEMBERS,
    };
    for member in &all[..told] {
        let place = place(page, member);
        let what = cut(&clean(&message::of(member)), 400).into_owned();
        let text = match member.rule.id == finding.rule.id {
            true => format!("{place}: {}", member.subject.label()),
            false => format!("{place}: {}: {what}", member.rule.name),
        };
        page.remark(digits, (STRONG, "with:"), &text);
    }
    if told < all.len() {
        let more = count(all.len() - told, "more", "more");
        page.gap(digits + 3).put(DIM, &format!("… and {more}")).end();
    }
}

/// Writes the places that are not shown with their source. Returns whether all were shown.
fn list(
    page: &mut Page<'_>,
    rest: &[&Finding],
    digits: usize,
    worlds: bool,
    messages: Messages,
) -> bool {
    if rest.is_empty() {
        return true;
    }
    // Do not replace a single line with a line that says so.
    let told = if rest.len() <= page.options.places + 1 { rest.len() } else { page.options.places };
    page.gap(digits + 1).put(FRAME, "|").end();
    if told == 0 {
        let more = count(rest.len(), "more place", "more places");
        page.gap(digits + 1).put(FRAME, "= ").put(STRONG, &format!("also: {more}")).end();
        return false;
    }
    page.gap(digits + 1).put(FRAME, "= ").put(STRONG, "also:").end();
    let rows: Vec<_> = rest[..told]
        .iter()
        .map(|f| match messages {
            Messages::Equal | Messages::ByName => {
                (place(page, f), subject(f, worlds, true), String::new())
            }
            Messages::Own => (
                place(page, f),
                subject(f, worlds, false),
                cut(&clean(&message::of(f)), 600).into_owned(),
            ),
        })
        .collect();
    rows_of_three(page, &rows, digits + 3);
    if told < rest.len() {
        let more = count(rest.len() - told, "more place", "more places");
        page.gap(digits + 3).put(DIM, &format!("… and {more}")).end();
    }
    told == rest.len()
}

/// Writes rows of place, subject and message: in columns if they fit, otherwise on separate lines.
fn rows_of_three(page: &mut Page<'_>, rows: &[(String, String, String)], indent: usize) {
    let column = |pick: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| width(pick(row))).max().unwrap_or(0)
    };
    let (places, subjects) = (column(|r| &r.0), column(|r| &r.1));
    let messages = column(|r| &r.2);
    let gap = if subjects > 0 { 2 } else { 0 };
    let subject_end = indent + places + 2 + subjects + gap;
    if subject_end + messages.min(30) <= page.width {
        for (place, subject, message) in rows {
            page.gap(indent).put(PLAIN, place).gap(places - width(place) + 2);
            page.put(DIM, subject).gap(subjects - width(subject) + gap);
            page.wrapped(PLAIN, message, subject_end, subject_end);
        }
        return;
    }
    for (place, subject, message) in rows {
        page.gap(indent).put(PLAIN, place).end();
        let text = match (&**subject, &**message) {
            ("", message) => message.to_owned(),
            (subject, "") => subject.to_owned(),
            (subject, message) => format!("{subject}: {message}"),
        };
        page.gap(indent + 2).wrapped(DIM, &text, indent + 2, indent + 2);
    }
}
