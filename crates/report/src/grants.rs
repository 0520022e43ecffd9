//! Output of `pavisade grant`: grants, their ends, and what continues after them.

use std::io::{self, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pavisade_judgement::{AccessGrant, Outlives};
use serde_json::{Value, json};

use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG, UNKNOWN};
use crate::text::{clean, width};
use crate::{Layout, Options, guard};

/// The content of a page or JSON document.
#[derive(Debug, Clone, Copy)]
pub enum GrantPage<'a> {
    /// A new grant.
    Created(&'a AccessGrant),
    /// A grant with a later end.
    Extended(&'a AccessGrant),
    /// All grants.
    List(&'a [AccessGrant]),
    /// A grant that somebody ended at a time, and what continues.
    Ended(&'a AccessGrant, Timestamp, &'a [Outlives]),
    /// A grant that was removed, so long after its end.
    Removed(&'a AccessGrant, Duration),
    /// What continues after a grant.
    Outlives(&'a AccessGrant, &'a [Outlives]),
}

/// Writes a page, or a JSON document. `now` is the time of the API server.
///
/// # Errors
/// Writing to `out` fails.
pub fn grants(
    page: GrantPage<'_>,
    now: Timestamp,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if matches!(layout, Layout::Json) {
        return guard::write(&document(page, now), out);
    }
    let mut on = Page::new(options, out);
    match page {
        GrantPage::Created(grant) => one(&mut on, "granted", grant, now),
        GrantPage::Extended(grant) => one(&mut on, "extended", grant, now),
        GrantPage::List(all) => list(&mut on, all, now),
        GrantPage::Ended(grant, _, rest) => {
            what(&mut on, "revoked", grant);
            on.end();
            outlives(&mut on, grant, rest);
        }
        GrantPage::Removed(grant, late) => {
            what(&mut on, "removed", grant);
            let ended = grant.end.map(|end| end.to_string()).unwrap_or_default();
            let late = format!(", which ended at {ended}, {:.1} s ago", late.as_secs_f64());
            on.put(DIM, &late).end();
        }
        GrantPage::Outlives(grant, rest) => outlives(&mut on, grant, rest),
    }
    on.flush()
}

fn scope(grant: &AccessGrant) -> String {
    match &*grant.namespace {
        "" => "the whole cluster".to_owned(),
        namespace => format!("namespace {namespace}"),
    }
}

/// `removed pavisade-grant-x: User alice, ClusterRole edit, namespace shop`
fn what(page: &mut Page<'_>, verb: &str, grant: &AccessGrant) {
    let subjects = clean(&grant.subjects.join(", ")).into_owned();
    page.put(STRONG, verb).put(PLAIN, " ").put(HELP, &clean(&grant.name));
    let text = format!(": {subjects}, {}, {}", clean(&grant.role), clean(&scope(grant)));
    page.put(PLAIN, &text);
}

fn one(page: &mut Page<'_>, verb: &str, grant: &AccessGrant, now: Timestamp) {
    what(page, verb, grant);
    page.end();
    if let Some(end) = grant.end {
        page.gap(2).put(DIM, "ends: ").put(PLAIN, &format!("{end} ({})", until(end, now))).end();
    }
    for (label, text) in [("by: ", &grant.by), ("reason: ", &grant.reason)] {
        if let Some(text) = text {
            page.gap(2).put(DIM, label);
            page.wrapped(PLAIN, text, 2 + label.len(), 4);
        }
    }
}

/// `in 2 h 5 min`, `12 s ago`.
fn until(end: Timestamp, now: Timestamp) -> String {
    match end > now {
        true => format!("in {}", length(end.duration_since(now))),
        false => format!("{} ago", length(now.duration_since(end))),
    }
}

fn length(time: SignedDuration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match () {
        () if days > 0 => format!("{days} d {hours} h"),
        () if hours > 0 => format!("{hours} h {minutes} min"),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    }
}

fn list(page: &mut Page<'_>, all: &[AccessGrant], now: Timestamp) {
    if all.is_empty() {
        page.put(PLAIN, "there are no grants").end();
        return;
    }
    let heads = ["ENDS", "WHO", "ROLE", "WHERE", "NAME"];
    let cells = |grant: &AccessGrant| {
        [
            grant.end.map_or("unknown".to_owned(), |end| until(end, now)),
            grant.subjects.join(", "),
            grant.role.clone(),
            if grant.namespace.is_empty() { "everywhere".into() } else { grant.namespace.clone() },
            grant.name.clone(),
        ]
        .map(|text| clean(&text).into_owned())
    };
    let mut widths = heads.map(str::len);
    for grant in all {
        for (max, cell) in widths.iter_mut().zip(cells(grant)) {
            *max = (*max).max(width(&cell));
        }
    }
    for (head, max) in heads.iter().zip(widths) {
        page.put(DIM, head).gap(max - head.len() + 2);
    }
    page.end();
    for grant in all {
        let passed = grant.end.is_none_or(|end| end <= now);
        for (at, (cell, max)) in cells(grant).iter().zip(widths).enumerate() {
            let style = match at {
                0 if passed || grant.problem.is_some() => UNKNOWN,
                0 => GOOD,
                4 => HELP,
                _ => PLAIN,
            };
            page.put(style, cell).gap(max - width(cell) + 2);
        }
        page.end();
        let by = grant.by.as_deref().map(|by| format!("by {by}")).unwrap_or_default();
        let reason = grant.reason.as_deref().filter(|reason| !reason.is_empty());
        let both = [Some(&*by).filter(|by| !by.is_empty()), reason];
        let both: Vec<_> = both.into_iter().flatten().collect();
        if !both.is_empty() {
            page.gap(2);
            page.wrapped(DIM, &both.join(": "), 2, 4);
        }
        if let Some(problem) = &grant.problem {
            page.gap(2).put(UNKNOWN, "warning").put(PLAIN, ": ");
            page.wrapped(PLAIN, problem, 11, 4);
        } else if passed {
            page.gap(2).put(UNKNOWN, "warning").put(PLAIN, ": ");
            let text = "it has ended and is still there: is `pavisade grant sweep` running?";
            page.wrapped(PLAIN, text, 11, 4);
        }
    }
}

fn outlives(page: &mut Page<'_>, grant: &AccessGrant, rest: &[Outlives]) {
    if rest.is_empty() {
        page.gap(2).put(GOOD, "nothing that was made under it continues").end();
        return;
    }
    page.gap(2).put(STRONG, "after ").put(HELP, &clean(&grant.name)).put(STRONG, ":").end();
    for one in rest {
        let (style, word) = match one.proven {
            true => (UNKNOWN, "continues"),
            false => (DIM, "may continue"),
        };
        page.gap(4).put(style, word).put(PLAIN, ": ");
        page.wrapped(PLAIN, &one.text, 6 + word.len(), 6);
        page.gap(6);
        page.wrapped(DIM, &one.remedy, 6, 6);
    }
}

fn document(page: GrantPage<'_>, now: Timestamp) -> Value {
    let (kind, body) = match page {
        GrantPage::Created(grant) => ("GrantCreated", json!({"grant": value(grant)})),
        GrantPage::Extended(grant) => ("GrantExtended", json!({"grant": value(grant)})),
        GrantPage::List(all) => {
            ("Grants", json!({"grants": all.iter().map(value).collect::<Vec<_>>()}))
        }
        GrantPage::Ended(grant, at, rest) => (
            "GrantRevoked",
            json!({"grant": value(grant), "at": at.to_string(), "outlives": remains(rest)}),
        ),
        GrantPage::Removed(grant, late) => {
            ("GrantRemoved", json!({"grant": value(grant), "secondsAfterEnd": late.as_secs_f64()}))
        }
        GrantPage::Outlives(grant, rest) => {
            ("GrantOutlived", json!({"grant": value(grant), "outlives": remains(rest)}))
        }
    };
    let mut document = json!({
        "apiVersion": "pavisade.dev/grants/v1", "kind": kind, "now": now.to_string(),
    });
    if let (Some(document), Value::Object(body)) = (document.as_object_mut(), body) {
        document.extend(body);
    }
    document
}

fn value(grant: &AccessGrant) -> Value {
    json!({
        "kind": grant.kind,
        "namespace": grant.namespace,
        "name": grant.name,
        "subjects": grant.subjects,
        "role": grant.role,
        "created": grant.created.map(|at| at.to_string()),
        "end": grant.end.map(|at| at.to_string()),
        "problem": grant.problem,
        "by": grant.by,
        "reason": grant.reason,
    })
}

fn remains(rest: &[Outlives]) -> Vec<Value> {
    let one =
        |one: &Outlives| json!({"proven": one.proven, "text": one.text, "remedy": one.remedy});
    rest.iter().map(one).collect()
}
