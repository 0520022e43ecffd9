//! Output of `pavisade rbac least-privilege`, `unused` and `audit`: permissions that were used,
//! according to audit logs.

use std::io::{self, Write};

use anstyle::Style;
use jiff::Timestamp;
use pavisade_audit::{Decision, Least, Unused, Usage, Use, dangerous};
use serde_json::{Value, json};

use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, HELP, PLAIN, STRONG, UNKNOWN};
use crate::text::clean;
use crate::{Layout, Options, guard};

/// The number of lines of a list that are shown without `--full`.
const SHOWN: usize = 30;

/// The content of a page or document.
#[derive(Debug, Clone, Copy)]
pub enum UsagePage<'a> {
    /// Least roles, and what they take away if the current ones are known.
    Least(&'a [(Least, Option<Vec<Unused>>)]),
    /// What was not used.
    Unused(&'a [Unused]),
    /// Dangerous uses and denied requests.
    Audit,
}

/// Writes a page, manifests (`Least` for terminals), or JSON.
///
/// # Errors
/// Writing to `out` fails.
pub fn usage(
    page: UsagePage<'_>,
    of: &Usage,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if matches!(layout, Layout::Json) {
        return guard::write(&document(page, of), out);
    }
    if let UsagePage::Least(all) = page {
        return manifests(all, of, out);
    }
    let mut on = Page::new(options, out);
    basis(&mut on, of);
    match page {
        UsagePage::Unused(all) => unused(&mut on, all, options.full),
        _ => audit(&mut on, of, options.full),
    }
    on.flush()
}

fn span(of: &Usage) -> String {
    let day = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| at.to_string());
    format!(
        "{} events of {} users, {} to {}",
        of.events,
        of.users.len(),
        day(of.first),
        day(of.last)
    )
}

fn basis(page: &mut Page<'_>, of: &Usage) {
    page.put(DIM, &span(of)).end();
    if of.dropped > 0 {
        let text = format!("{} requests were too many different ones to keep", of.dropped);
        page.put(UNKNOWN, "incomplete").put(PLAIN, ": ");
        page.wrapped(PLAIN, &text, 12, 4);
    }
    page.end();
}

/// Comments and manifests, for `kubectl apply`.
fn manifests(
    all: &[(Least, Option<Vec<Unused>>)],
    of: &Usage,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "# The least roles for what was used: {}.", clean(&span(of)))?;
    for (least, taken) in all {
        let proof = &least.proof;
        let mut says = Vec::new();
        says.push(format!("{}: confidence {}", least.subject, least.confidence.name()));
        says.push(format!(
            "  {} requests on {} days; nothing new in the last {} days",
            proof.requests, least.days, least.quiet_days
        ));
        says.push(match proof.failed.is_empty() {
            true => format!(
                "  proven: all {} recorded permissions are allowed by these roles, {} of them by \
                 the default roles",
                proof.distinct, proof.by_default
            ),
            false => "  NOT PROVEN: these roles do not allow what was recorded:".to_owned(),
        });
        says.extend(proof.failed.iter().map(|ask| format!("    {ask}")));
        says.extend(least.remarks.iter().map(|remark| format!("  note: {remark}")));
        if least.roles.is_empty() && proof.distinct > 0 {
            says.push("  no role is needed: the default roles allow what was used".to_owned());
        }
        match taken {
            None => says.push(
                "  what this takes away is not known: give the current roles with --cluster, \
                 --snapshot or PATH"
                    .to_owned(),
            ),
            Some(taken) if taken.is_empty() => {
                says.push("  it has no other permissions by its own bindings".to_owned());
            }
            Some(taken) => {
                says.push("  taken away when these bindings are removed:".to_owned());
                says.extend(taken.iter().flat_map(taken_lines));
            }
        }
        if taken.is_some() {
            let text =
                "  permissions through others, such as its groups, are not changed and not listed";
            says.push(text.to_owned());
        }
        for line in says {
            // A comment ends at the end of the line, whatever a name contains.
            writeln!(out, "# {}", clean(&line))?;
        }
        out.write_all(least.manifests.as_bytes())?;
    }
    Ok(())
}

fn binding_words(one: &Unused) -> String {
    let slash = if one.namespace.is_empty() { "" } else { "/" };
    format!("{} {}{slash}{} ({})", one.binding_kind, one.namespace, one.binding, one.role)
}

fn taken_lines(one: &Unused) -> Vec<String> {
    let mut lines = vec![format!("    {}", binding_words(one))];
    for (on, verbs) in &one.unused {
        let verbs: Vec<_> = verbs.iter().map(String::as_str).collect();
        lines.push(format!("      {} {on}", verbs.join(",")));
    }
    if !one.of_wildcards.is_empty() {
        let used: Vec<_> = one.of_wildcards.iter().map(String::as_str).collect();
        lines.push(format!("      everything that `*` covers but {}", used.join(", ")));
    }
    lines
}

fn unused(page: &mut Page<'_>, all: &[Unused], full: bool) {
    if all.is_empty() {
        page.put(GOOD, "every permission was used").end();
        return;
    }
    let shown = if full { all.len() } else { all.len().min(SHOWN) };
    for one in &all[..shown] {
        let (style, words): (Style, String) = match one.all {
            true => (UNKNOWN, "nothing was used".to_owned()),
            false => (PLAIN, format!("{} of {} permissions were used", one.used, one.permissions)),
        };
        page.put(STRONG, &clean(&binding_words(one))).put(PLAIN, ": ").put(style, &words).end();
        page.gap(2).put(DIM, "subjects: ");
        page.wrapped(DIM, &one.subjects.join(", "), 12, 4);
        if !one.all || full {
            let lines = one.unused.len();
            for (on, verbs) in one.unused.iter().take(if full { lines } else { SHOWN }) {
                let verbs: Vec<_> = verbs.iter().map(String::as_str).collect();
                page.gap(2).put(DIM, "unused: ");
                page.wrapped(PLAIN, &format!("{} {on}", verbs.join(",")), 10, 4);
            }
            if !full && lines > SHOWN {
                page.gap(2).put(DIM, &format!("{} more with --full", lines - SHOWN)).end();
            }
        }
        if !one.of_wildcards.is_empty() {
            let used: Vec<_> = one.of_wildcards.iter().map(String::as_str).collect();
            page.gap(2).put(DIM, "used of `*`: ");
            page.wrapped(PLAIN, &used.join(", "), 15, 4);
        }
    }
    if shown < all.len() {
        page.put(DIM, &format!("{} more bindings with --full", all.len() - shown)).end();
    }
}

fn audit(page: &mut Page<'_>, of: &Usage, full: bool) {
    let own = |user: &str| {
        user.starts_with("system:") && !user.starts_with("system:serviceaccount:")
            || user.starts_with("system:serviceaccount:kube-system:")
    };
    let uses = of.uses.iter().filter(|one| one.decision == Decision::Allowed);
    let power = uses.filter_map(|one| Some((dangerous::power(&one.ask)?, one)));
    let mut power: Vec<_> = power.filter(|(_, one)| full || !own(&one.user)).collect();
    power.sort_by_key(|(what, one)| (*what, one.user.clone()));
    page.put(STRONG, "uses that give power").end();
    if power.is_empty() {
        page.gap(2).put(GOOD, "none").end();
    }
    let mut last = "";
    for (what, one) in limited(&power, full) {
        if *what != last {
            page.gap(2).put(HELP, what).end();
            last = what;
        }
        use_line(page, one);
    }
    more(page, power.len(), full);
    page.end();
    let refused = |one: &&Use| one.decision != Decision::Allowed;
    let mut refused: Vec<_> = of.uses.iter().filter(refused).collect();
    refused.sort_by_key(|one| std::cmp::Reverse(one.count));
    page.put(STRONG, "refused or failed requests").end();
    if refused.is_empty() {
        page.gap(2).put(GOOD, "none").end();
    }
    for one in limited(&refused, full) {
        use_line(page, one);
    }
    more(page, refused.len(), full);
}

fn limited<T>(all: &[T], full: bool) -> &[T] {
    &all[..if full { all.len() } else { all.len().min(SHOWN) }]
}

fn more(page: &mut Page<'_>, count: usize, full: bool) {
    if !full && count > SHOWN {
        page.gap(2).put(DIM, &format!("{} more with --full", count - SHOWN)).end();
    }
}

fn use_line(page: &mut Page<'_>, one: &Use) {
    let names = if one.many { " (many names)" } else { "" };
    page.gap(4).put(PLAIN, &clean(&one.user)).put(PLAIN, ": ");
    page.put(STRONG, &clean(&one.ask.to_string())).put(DIM, names);
    let last = one.last.map_or(String::new(), |at| format!(", last {at}"));
    let times = if one.count == 1 { "once".to_owned() } else { format!("{} times", one.count) };
    let unsure = if one.decision == Decision::Unknown { ", perhaps allowed" } else { "" };
    page.put(DIM, &format!("  {times}{last}{unsure}")).end();
}

fn document(page: UsagePage<'_>, of: &Usage) -> Value {
    let (kind, results): (_, Value) = match page {
        UsagePage::Least(all) => ("LeastPrivilege", all.iter().map(least_value).collect()),
        UsagePage::Unused(all) => ("Unused", all.iter().map(unused_value).collect()),
        UsagePage::Audit => {
            let told = of.uses.iter().filter(|one| {
                one.decision != Decision::Allowed || dangerous::power(&one.ask).is_some()
            });
            ("Audit", told.map(use_value).collect())
        }
    };
    json!({
        "apiVersion": "pavisade.dev/usage/v1",
        "kind": kind,
        "basis": {
            "events": of.events,
            "users": of.users.len(),
            "first": of.first.map(|at| at.to_string()),
            "last": of.last.map(|at| at.to_string()),
            "dropped": of.dropped,
        },
        "results": results,
    })
}

fn least_value((least, taken): &(Least, Option<Vec<Unused>>)) -> Value {
    let rule = |rule: &pavisade_audit::LeastRule| match rule.paths.is_empty() {
        false => json!({"nonResourceURLs": rule.paths, "verbs": rule.verbs}),
        true => json!({
            "apiGroups": [rule.group], "resources": rule.resources,
            "resourceNames": rule.names, "verbs": rule.verbs,
        }),
    };
    let roles = least.roles.iter().map(|role| {
        let rules: Vec<Value> = role.rules.iter().map(rule).collect();
        json!({
            "kind": role.kind(), "name": role.name, "namespaces": role.namespaces, "rules": rules,
        })
    });
    json!({
        "subject": least.subject.to_string(),
        "confidence": least.confidence.name(),
        "days": least.days,
        "quietDays": least.quiet_days,
        "roles": roles.collect::<Vec<_>>(),
        "manifests": least.manifests,
        "proof": {
            "holds": least.proof.failed.is_empty(),
            "requests": least.proof.requests,
            "distinct": least.proof.distinct,
            "byDefault": least.proof.by_default,
            "failed": least.proof.failed,
        },
        "remarks": least.remarks,
        "takenAway": taken.as_ref().map(|all| all.iter().map(unused_value).collect::<Vec<_>>()),
    })
}

fn unused_value(one: &Unused) -> Value {
    json!({
        "kind": one.binding_kind,
        "namespace": one.namespace,
        "name": one.binding,
        "role": one.role,
        "subjects": one.subjects,
        "nothingUsed": one.all,
        "permissions": one.permissions,
        "used": one.used,
        "unused": one.unused,
        "usedOfWildcards": one.of_wildcards,
    })
}

fn use_value(one: &Use) -> Value {
    json!({
        "user": one.user,
        "request": one.ask.to_string(),
        "manyNames": one.many,
        "implied": one.implied,
        "decision": one.decision.name(),
        "power": dangerous::power(&one.ask),
        "count": one.count,
        "first": one.first.map(|at| at.to_string()),
        "last": one.last.map(|at| at.to_string()),
    })
}
