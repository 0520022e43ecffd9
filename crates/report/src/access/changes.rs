//! Differences of permissions, and errors in roles and bindings.

use std::io;

use pavisade_judgement::{AccessDiff, AccessLint, Permission};
use pavisade_model::Severity;

use super::parts::{basis, end_note, joined, named, place, route_line};
use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG, UNKNOWN, severity};

fn words(one: &Permission) -> String {
    let names = match one.names.is_empty() {
        true => String::new(),
        false => format!(" named {}", joined(&one.names)),
    };
    let place = match &*one.namespace {
        "" => "all namespaces".to_owned(),
        namespace => format!("namespace {namespace}"),
    };
    format!("{} on {}{names} in {place}", joined(&one.verbs), one.on)
}

pub(super) fn diff(page: &mut Page<'_>, diff: &AccessDiff) -> io::Result<()> {
    let mut doubts: Vec<_> = diff.old.doubts.iter().chain(&diff.new.doubts).collect();
    doubts.sort();
    doubts.dedup();
    for text in &diff.authorizers {
        page.put(severity(Severity::High), "changed").put(PLAIN, ": ");
        page.wrapped(PLAIN, text, 9, 2);
    }
    for subject in &diff.subjects {
        page.put(STRONG, &subject.subject).end();
        for (sign, style, list) in
            [("+", severity(Severity::High), &subject.gains), ("-", GOOD, &subject.loses)]
        {
            for one in list {
                page.gap(2).put(style, sign).put(PLAIN, " ");
                page.wrapped(PLAIN, &words(one), 4, 6);
                page.gap(6).wrapped(DIM, &route_line(&one.route), 6, 8);
            }
        }
        page.flush()?;
    }
    if diff.subjects.is_empty() && diff.authorizers.is_empty() {
        // What was not read may differ.
        match doubts.is_empty() {
            true => {
                page.put(GOOD, "no difference").put(PLAIN, ": every subject can do the same").end()
            }
            false => page.put(UNKNOWN, "no difference found").put(PLAIN, " in what is known").end(),
        };
    } else if !diff.subjects.is_empty() {
        page.end();
        let gain = diff.subjects.iter().filter(|one| !one.gains.is_empty()).count();
        let lose = diff.subjects.iter().filter(|one| !one.loses.is_empty()).count();
        let text = format!("subjects that gain permissions: {gain}; that lose some: {lose}");
        page.wrapped(DIM, &text, 0, 0);
    }
    for doubt in doubts {
        page.put(UNKNOWN, "unknown").put(PLAIN, ": ");
        page.wrapped(PLAIN, doubt, 9, 2);
    }
    end_note(page, &diff.new);
    page.flush()
}

pub(super) fn lint(page: &mut Page<'_>, of: &AccessLint, worlds: bool) -> io::Result<()> {
    if worlds {
        page.put(DIM, &of.basis.world).end();
    }
    for fault in &of.faults {
        page.put(severity(Severity::Medium), fault.rule).put(PLAIN, ": ");
        page.wrapped(STRONG, &fault.message, fault.rule.len() + 2, 2);
        let at = fault.place.as_ref().or(fault.item.place.as_ref());
        let at = at.map(|line| format!("{} · ", place(line))).unwrap_or_default();
        let field =
            if fault.field.is_empty() { String::new() } else { format!(" {}", fault.field) };
        page.gap(2)
            .put(PLAIN, "--> ")
            .put(PLAIN, &at)
            .put(DIM, &named(&fault.item))
            .put(DIM, &field)
            .end();
        page.gap(2).put(HELP, "help").put(PLAIN, ": ");
        page.wrapped(PLAIN, &fault.advice, 8, 4);
        page.end();
        page.flush()?;
    }
    let looked = format!("{} roles and {} bindings were checked", of.roles, of.bindings);
    match of.faults.len() {
        0 if of.basis.doubts.is_empty() => {
            page.put(GOOD, "no fault").put(PLAIN, ": ").put(PLAIN, &looked).end()
        }
        0 => page.put(UNKNOWN, "no fault found").put(PLAIN, ": ").put(PLAIN, &looked).end(),
        1 => page.put(STRONG, "1 fault").put(PLAIN, "; ").put(PLAIN, &looked).end(),
        n => page.put(STRONG, &format!("{n} faults")).put(PLAIN, "; ").put(PLAIN, &looked).end(),
    }
    basis(page, &of.basis);
    page.flush()
}
