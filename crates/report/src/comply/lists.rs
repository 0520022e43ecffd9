//! Pages about frameworks: the list, a framework with its controls, and the topics.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_compliance::{Assessed, Framework, Topic};
use serde::Serialize;

use super::coverage;
use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG};
use crate::text::{clean, cut, width};
use crate::{Layout, Options, guard};

/// A framework in JSON output.
#[derive(Serialize)]
struct Card<'a> {
    id: &'a str,
    title: &'a str,
    url: &'a str,
    aliases: &'a [String],
    extent: &'a str,
    controls: usize,
    by_checks: usize,
    partly: usize,
    elsewhere: usize,
    by_hand: usize,
    checks: usize,
}

/// Writes a table of frameworks, with how much of each is assessed.
///
/// # Errors
/// Writing to `out` fails.
pub fn frameworks_list(
    frameworks: &[Framework],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if layout == Layout::Json {
        let card = |framework: &'_ Framework| {
            let coverage = framework.coverage();
            serde_json::to_value(Card {
                id: &framework.id,
                title: &framework.title,
                url: &framework.url,
                aliases: &framework.aliases,
                extent: &framework.extent,
                controls: coverage.controls,
                by_checks: coverage.by_checks,
                partly: coverage.partly,
                elsewhere: coverage.elsewhere,
                by_hand: coverage.by_hand,
                checks: framework.checks().len(),
            })
        };
        let cards = frameworks.iter().map(card).collect::<Result<Vec<_>, _>>()?;
        return guard::write(&cards, out);
    }
    let mut page = Page::new(options, out);
    let heads = ["ID", "CONTROLS", "BY CHECKS", "IN PART", "BY HAND", "CHECKS"];
    let ids = frameworks.iter().map(|f| width(&f.id)).max().unwrap_or(0).max(2);
    let used = ids + heads[1..].iter().map(|head| head.len() + 2).sum::<usize>() + 2;
    let titles = page.width.saturating_sub(used);
    let titles = if titles < 20 { 0 } else { titles };
    page.put(DIM, heads[0]).gap(ids - 2);
    for head in &heads[1..] {
        page.gap(2).put(DIM, head);
    }
    page.put(DIM, if titles > 0 { "  TITLE" } else { "" }).end();
    for framework in frameworks {
        let c = framework.coverage();
        let by_checks = c.by_checks + c.partly;
        let cells = [c.controls, by_checks, c.partly, c.by_hand, framework.checks().len()];
        page.put(STRONG, &framework.id).gap(ids - width(&framework.id));
        for (head, n) in heads[1..].iter().zip(cells) {
            let text = n.to_string();
            page.gap(2 + head.len().saturating_sub(text.len())).put(PLAIN, &text);
        }
        if titles > 0 {
            page.gap(2).put(DIM, &cut(&framework.title, titles));
        }
        page.end();
    }
    page.end();
    let note = "BY CHECKS counts controls that checks assess; IN PART counts those that checks \
                can assess only partially. `pavisade frameworks show ID` lists the controls; \
                `pavisade comply --framework ID` assesses them.";
    page.wrapped(DIM, note, 0, 0);
    page.flush()
}

/// Writes a framework with its controls.
///
/// # Errors
/// Writing to `out` fails.
pub fn framework_explain(
    framework: &Framework,
    names: &BTreeMap<&str, &str>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    let page = &mut page;
    page.put(STRONG, &framework.title).put(DIM, &format!(" ({})", framework.id)).end();
    page.wrapped(PLAIN, &coverage(framework), 0, 0);
    if !framework.extent.is_empty() {
        page.wrapped(PLAIN, &format!("listed: {}", framework.extent), 0, 2);
    }
    if !framework.url.is_empty() {
        page.put(DIM, &framework.url).end();
    }
    page.end();
    for control in &framework.controls {
        page.put(STRONG, &control.id).gap(2);
        let used = width(&clean(&control.id)) + 2;
        page.wrapped(PLAIN, &control.title, used, 4);
        let checks = |page: &mut Page<'_>| {
            let named = control.checks.iter().map(|id| {
                let name = names.get(id.as_str()).copied().unwrap_or_default();
                let parts = control.parts.get(id).into_iter().flatten().map(String::as_str);
                let parts = parts.collect::<Vec<_>>().join(",\u{a0}");
                let stricter = if control.stricter.contains(id) { "stricter" } else { "" };
                match [&*parts, stricter].concat().as_str() {
                    "" => format!("{id}\u{a0}{name}"),
                    more => format!("{id}\u{a0}{name}\u{a0}({more})"),
                }
            });
            let text = named.collect::<Vec<_>>().join(", ");
            page.gap(4).put(GOOD, "by ").wrapped(PLAIN, &text, 7, 7);
        };
        match &control.assessed {
            Assessed::ByChecks => checks(page),
            Assessed::Partly(gap) => {
                checks(page);
                page.gap(4).put(HELP, "not shown: ").wrapped(PLAIN, gap, 15, 7);
            }
            Assessed::Elsewhere(text) => {
                page.gap(4).put(DIM, "not assessed here: ").wrapped(DIM, text, 23, 7);
            }
            Assessed::ByHand(text) => {
                page.gap(4)
                    .put(DIM, "cannot be assessed automatically: ")
                    .wrapped(DIM, text, 31, 7);
            }
        }
    }
    for group in &framework.serves_not {
        page.end();
        let text = format!("No control for {}: {}", group.checks.join(", "), group.reason);
        if !group.checks.is_empty() {
            page.wrapped(DIM, &text, 0, 2);
        }
    }
    page.flush()
}

/// Writes the topics with their checks, which custom framework files can refer to.
///
/// # Errors
/// Writing to `out` fails.
pub fn topics_list(
    topics: &BTreeMap<String, Topic>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    for (name, topic) in topics {
        page.put(STRONG, name).put(PLAIN, "  ");
        page.wrapped(PLAIN, &topic.title, width(name) + 2, 4);
        if !topic.checks.is_empty() {
            page.gap(4).wrapped(DIM, &topic.checks.join(", "), 4, 4);
        }
    }
    page.flush()
}
