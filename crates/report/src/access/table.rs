//! What a subject can do, as a table of verbs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use pavisade_judgement::CanDo;

use super::parts::{basis, full, joined, scope};
use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG};
use crate::text::width;

const VERBS: [(&str, &str); 8] = [
    ("get", "get"),
    ("list", "list"),
    ("watch", "watch"),
    ("create", "create"),
    ("update", "update"),
    ("patch", "patch"),
    ("delete", "delete"),
    ("deletecollection", "delcoll"),
];

pub(super) fn head(page: &mut Page<'_>, of: &CanDo, worlds: bool) {
    page.put(STRONG, &format!("what {} can do", of.subject));
    if worlds {
        page.put(DIM, " · ").put(DIM, &of.basis.world);
    }
    page.end();
    page.gap(2).put(DIM, "groups: ");
    page.wrapped(DIM, &joined(&of.groups), 10, 4);
    for remark in &of.remarks {
        page.gap(2).put(HELP, "note").put(PLAIN, ": ");
        page.wrapped(PLAIN, remark, 8, 4);
    }
    page.end();
    if of.routes.is_empty() {
        let none = match super::parts::is_open(&of.basis) {
            true => "nothing by a binding, but AlwaysAllow is an authorizer",
            false => "nothing, by what was read",
        };
        page.put(PLAIN, none).end();
    }
}

pub(super) fn foot(page: &mut Page<'_>, of: &CanDo) -> io::Result<()> {
    basis(page, &of.basis);
    page.flush()
}

/// Verbs by scope, resource, and resource names.
type Cells<'a> = BTreeMap<(String, String, String), BTreeSet<&'a str>>;

pub(super) fn can(page: &mut Page<'_>, of: &CanDo, worlds: bool) -> io::Result<()> {
    head(page, of, worlds);
    let mut cells: Cells<'_> = BTreeMap::new();
    for route in &of.routes {
        let names = route.rule.names.join(", ");
        let pairs =
            route.rule.groups.iter().flat_map(|g| route.rule.resources.iter().map(|r| full(r, g)));
        for on in pairs.chain(route.rule.paths.iter().cloned()) {
            let verbs = cells.entry((scope(route), on, names.clone())).or_default();
            verbs.extend(route.rule.verbs.iter().map(String::as_str));
        }
    }
    let words = |on: &str, names: &str| match names {
        "" => on.to_owned(),
        names => format!("{on} named {names}"),
    };
    let widest = cells.keys().map(|(_, on, names)| width(&words(on, names))).max().unwrap_or(0);
    let first = widest.clamp(8, 46) + 2;
    let mut last = None;
    for ((place, on, names), verbs) in &cells {
        if last != Some(place) {
            if last.is_some() {
                page.end();
            }
            page.put(STRONG, &format!("in {place}")).end();
            page.put(DIM, "RESOURCE").gap(first - 8);
            for (_, word) in VERBS {
                page.put(DIM, word).gap(2);
            }
            page.put(DIM, "others").end();
            last = Some(place);
        }
        let text = words(on, names);
        page.put(PLAIN, &text);
        if width(&text) >= first {
            page.end();
            page.gap(first);
        } else {
            page.gap(first - width(&text));
        }
        let all = verbs.contains("*");
        for (verb, word) in VERBS {
            let has = all || verbs.contains(verb);
            page.put(if has { GOOD } else { DIM }, if has { "✓" } else { "·" });
            page.gap(word.len() + 1);
        }
        let known = |verb: &str| VERBS.iter().any(|(name, _)| *name == verb);
        let others: Vec<_> = verbs.iter().filter(|verb| !known(verb)).copied().collect();
        page.put(PLAIN, &others.join(", ")).end();
    }
    foot(page, of)
}
