//! Output of `pavisade rbac`: who can do something, what a subject can do, why, differences of
//! permissions, and errors in roles and bindings.

mod changes;
mod json;
mod parts;
mod table;

use std::io::{self, Write};

use anstyle::Style;

use pavisade_judgement::{
    AccessDiff, AccessExplained, AccessHolder, AccessLint, CanDo, Verdict, WhoCan,
};

use crate::terminal::Page;
use crate::terminal::style::{DIM, FRAME, GOOD, HELP, PLAIN, STRONG, UNKNOWN, severity};
use crate::text::width;
use crate::{Layout, Options, guard};
use parts::{basis, joined, place, route_line, rule_words, scope, with_place};

/// The content of a page or JSON document.
#[derive(Debug, Clone, Copy)]
pub enum AccessPage<'a> {
    /// Who can do something, in each world.
    WhoCan(&'a [WhoCan]),
    /// What a subject can do. If `true`, as a table of verbs.
    Can(&'a [CanDo], bool),
    /// Why a subject can or cannot do something.
    Explained(&'a [AccessExplained]),
    /// Differences of permissions.
    Diff(&'a AccessDiff),
    /// Errors in roles and bindings.
    Lint(&'a [AccessLint]),
}

/// Writes a page or document.
///
/// # Errors
/// Writing to `out` fails.
pub fn access(
    page: AccessPage<'_>,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if matches!(layout, Layout::Json) {
        return guard::write(&json::document(page), out);
    }
    let mut on = Page::new(options, out);
    match page {
        AccessPage::WhoCan(all) => separated(&mut on, all, who_can)?,
        AccessPage::Can(all, true) => separated(&mut on, all, table::can)?,
        AccessPage::Can(all, false) => separated(&mut on, all, can)?,
        AccessPage::Explained(all) => separated(&mut on, all, explained)?,
        AccessPage::Diff(diff) => changes::diff(&mut on, diff)?,
        AccessPage::Lint(all) => separated(&mut on, all, changes::lint)?,
    }
    on.flush()
}

/// Writes all items, separated by blank lines.
fn separated<T>(
    page: &mut Page<'_>,
    all: &[T],
    show: fn(&mut Page<'_>, &T, bool) -> io::Result<()>,
) -> io::Result<()> {
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            page.end();
        }
        show(page, one, all.len() > 1)?;
    }
    Ok(())
}

/// Formats a subject: `Group devs`.
fn holder_words(holder: &AccessHolder) -> String {
    match &*holder.namespace {
        "" => format!("{} {}", holder.kind, holder.name),
        namespace => format!("{} {namespace}/{}", holder.kind, holder.name),
    }
}

/// Maximum number of routes listed per subject.
const ROUTES: usize = 3;

fn who_can(page: &mut Page<'_>, of: &WhoCan, worlds: bool) -> io::Result<()> {
    page.put(STRONG, &format!("who can {}", of.question));
    if worlds {
        page.put(DIM, " · ").put(DIM, &of.basis.world);
    }
    page.end();
    for remark in &of.remarks {
        page.gap(2).put(HELP, "note").put(PLAIN, ": ");
        page.wrapped(PLAIN, remark, 8, 4);
    }
    page.end();
    if of.holders.is_empty() {
        let none = match of.basis.partial {
            _ if parts::is_open(&of.basis) => {
                "nobody by a binding, but AlwaysAllow is an authorizer"
            }
            true => "nobody, by the bindings in these files",
            false => "nobody, but members of the group system:masters",
        };
        page.put(PLAIN, none).end();
    } else {
        let rows: Vec<_> = of
            .holders
            .iter()
            .map(|holder| {
                (holder_words(holder), holder.routes.first().map(scope).unwrap_or_default())
            })
            .collect();
        let first = rows.iter().map(|row| width(&row.0)).max().unwrap_or(0).clamp(7, 48) + 2;
        let second = rows.iter().map(|row| width(&row.1)).max().unwrap_or(0).clamp(5, 24) + 2;
        let narrow = first + second + 30 > page.width;
        page.put(DIM, "SUBJECT").gap(first - 7);
        page.put(DIM, "WHERE").gap(second - 5).put(DIM, if narrow { "" } else { "THROUGH" }).end();
        for (holder, (name, _)) in of.holders.iter().zip(&rows) {
            let shown = if page.options.full { holder.routes.len() } else { ROUTES };
            for (i, route) in holder.routes.iter().take(shown).enumerate() {
                let name = if i == 0 { &**name } else { "" };
                page.put(STRONG, name).gap(first.saturating_sub(width(name)).max(1));
                let place = scope(route);
                page.put(PLAIN, &place).gap(second.saturating_sub(width(&place)).max(1));
                let indent = if narrow { 4 } else { first + second };
                if narrow {
                    page.end();
                    page.gap(4);
                }
                page.wrapped(PLAIN, &route_line(route), indent, indent);
            }
            if holder.routes.len() > shown {
                let more = format!("and {} more ways (--full)", holder.routes.len() - shown);
                page.gap(first).put(DIM, &more).end();
            }
        }
        page.end();
        let count = match of.holders.len() {
            1 => "1 subject".to_owned(),
            n => format!("{n} subjects"),
        };
        page.wrapped(DIM, &format!("{count}; members of the group system:masters can, too"), 0, 0);
    }
    basis(page, &of.basis);
    page.flush()
}

fn can(page: &mut Page<'_>, of: &CanDo, worlds: bool) -> io::Result<()> {
    table::head(page, of, worlds);
    let mut last = None;
    for route in &of.routes {
        let place = scope(route);
        if last.as_ref() != Some(&place) {
            page.put(STRONG, &format!("in {place}")).end();
            last = Some(place);
        }
        page.gap(2).wrapped(PLAIN, &rule_words(&route.rule), 2, 4);
        page.gap(4).wrapped(DIM, &route_line(route), 4, 6);
    }
    table::foot(page, of)
}

fn explained(page: &mut Page<'_>, of: &AccessExplained, worlds: bool) -> io::Result<()> {
    let (style, word, verb): (Style, _, _) = match of.verdict {
        Verdict::Allowed => (GOOD, "allowed", "can"),
        Verdict::Refused => (severity(pavisade_model::Severity::High), "refused", "cannot"),
        Verdict::Unknown => (UNKNOWN, "unknown", "may or may not be able to"),
    };
    page.put(style, word).put(PLAIN, ": ");
    let sentence = format!("{} {verb} {}", of.subject, of.question);
    page.wrapped(STRONG, &sentence, word.len() + 2, 2);
    if worlds {
        page.gap(2).put(DIM, &of.basis.world).end();
    }
    if of.verdict != Verdict::Allowed && of.basis.partial {
        page.gap(2).wrapped(
            DIM,
            "by these files: a cluster may have bindings and roles that are not here",
            2,
            2,
        );
    }
    for remark in &of.remarks {
        page.gap(2).put(HELP, "note").put(PLAIN, ": ");
        page.wrapped(PLAIN, remark, 8, 4);
    }
    if let Some(through) = &of.through {
        page.gap(2).wrapped(PLAIN, &format!("through {through}"), 2, 4);
    }
    let shown = if page.options.full { of.routes.len() } else { ROUTES };
    for route in of.routes.iter().take(shown) {
        page.end();
        chain(page, route);
    }
    if of.routes.len() > shown {
        page.gap(2)
            .put(DIM, &format!("and {} more rules that allow it (--full)", of.routes.len() - shown))
            .end();
    }
    if !of.near.is_empty() {
        page.end();
        page.put(STRONG, "near").put(PLAIN, ":").end();
        for near in &of.near {
            page.gap(2).wrapped(PLAIN, &rule_words(&near.route.rule), 2, 4);
            page.gap(4).wrapped(DIM, &route_line(&near.route), 4, 6);
            page.gap(4).wrapped(PLAIN, &format!("but {}", near.lacks), 4, 6);
        }
    }
    if !of.missing.is_empty() {
        page.end();
        page.put(HELP, "missing").put(PLAIN, ": ");
        page.wrapped(PLAIN, &of.missing, 9, 2);
    }
    if page.options.full {
        page.put(DIM, "groups: ");
        page.wrapped(DIM, &joined(&of.groups), 8, 2);
    }
    basis(page, &of.basis);
    page.flush()
}

/// Writes binding, role and rule, each on its own line.
fn chain(page: &mut Page<'_>, route: &pavisade_judgement::AccessRoute) {
    let extent = match scope(route) {
        all if all == "all namespaces" => " (all namespaces)".to_owned(),
        one => format!(" (namespace {one})"),
    };
    page.gap(2).put(PLAIN, &with_place(&route.binding)).put(DIM, &extent).end();
    page.gap(2).put(FRAME, "└─ ").put(PLAIN, &with_place(&route.role)).end();
    if let Some(from) = &route.rule.from {
        page.gap(5).put(FRAME, "└─ ").put(DIM, "copied from ").put(PLAIN, &with_place(from)).end();
    }
    let indent = if route.rule.from.is_some() { 8 } else { 5 };
    page.gap(indent).put(FRAME, "└─ ");
    let field = if route.rule.field.is_empty() { "rule" } else { &*route.rule.field };
    let at = route.rule.place.as_ref().map(|at| format!(" {}", place(at))).unwrap_or_default();
    let text = format!("{field}: {}{at}", rule_words(&route.rule));
    page.wrapped(PLAIN, &text, indent + 3, indent + 5);
}
