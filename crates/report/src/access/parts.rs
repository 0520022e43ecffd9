//! Formatting shared by all pages.

use pavisade_judgement::{AccessBasis, AccessRoute, FileLine, Item, RuleText};

use crate::terminal::Page;
use crate::terminal::style::{DIM, HELP, PLAIN, UNKNOWN};

/// Formats a list: `a, b and c`.
pub(super) fn joined(words: &[String]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Formats a line of a file: `rbac.yaml:12`.
pub(super) fn place(line: &FileLine) -> String {
    format!("{}:{}", line.file, line.line)
}

/// Formats an object: `Role shop/reader`.
pub(super) fn named(item: &Item) -> String {
    let name = match &*item.namespace {
        "" => format!("{} {}", item.kind, item.name),
        namespace => format!("{} {namespace}/{}", item.kind, item.name),
    };
    match item.remark {
        "" => name,
        remark => format!("{name} ({remark})"),
    }
}

/// Formats an object with its location: `Role shop/reader rbac.yaml:12`.
pub(super) fn with_place(item: &Item) -> String {
    match &item.place {
        Some(line) => format!("{} {}", named(item), place(line)),
        None => named(item),
    }
}

/// Formats where a route applies.
pub(super) fn scope(route: &AccessRoute) -> String {
    match &*route.namespace {
        _ if route.adrift => "where applied".to_owned(),
        "" => "all namespaces".to_owned(),
        namespace => namespace.to_owned(),
    }
}

/// Formats binding, role and rule on one line.
pub(super) fn route_line(route: &AccessRoute) -> String {
    let at = route.rule.place.as_ref().or(route.role.place.as_ref());
    let at = at.map(|line| format!(" ({})", place(line))).unwrap_or_default();
    let field = match &*route.rule.field {
        "" => String::new(),
        field => format!(" {field}"),
    };
    let from = match &route.rule.from {
        Some(from) => format!(", copied from {}", named(from)),
        None => String::new(),
    };
    let binding = with_place(&route.binding);
    format!("{binding} → {}{from}{field}{at}", named(&route.role))
}

/// Formats a rule: `get and list on secrets named a`.
pub(super) fn rule_words(rule: &RuleText) -> String {
    let verbs = joined(&rule.verbs);
    let mut parts = Vec::new();
    if !rule.resources.is_empty() {
        let on: Vec<String> = resources(rule);
        let names = match rule.names.is_empty() {
            true => String::new(),
            false => format!(" named {}", joined(&rule.names)),
        };
        parts.push(format!("{verbs} on {}{names}", joined(&on)));
    }
    if !rule.paths.is_empty() {
        parts.push(format!("{verbs} on {}", joined(&rule.paths)));
    }
    if parts.is_empty() { format!("{verbs} on nothing") } else { parts.join("; ") }
}

/// Formats the resources of a rule: `deployments.apps`. If the rule has several groups, each
/// resource is listed once, followed by the groups.
pub(super) fn resources(rule: &RuleText) -> Vec<String> {
    match &rule.groups[..] {
        [group] => rule.resources.iter().map(|name| full(name, group)).collect(),
        [] => rule.resources.iter().map(|name| format!("{name} (no API group)")).collect(),
        groups => {
            let words: Vec<_> = groups
                .iter()
                .map(|g| if g.is_empty() { "core" } else { g })
                .map(str::to_owned)
                .collect();
            let mut list = rule.resources.clone();
            if let Some(last) = list.last_mut() {
                *last += &format!(" (groups {})", joined(&words));
            }
            list
        }
    }
}

/// Formats a resource as kubectl does: `deployments.apps`, followed by the subresource.
pub(super) fn full(name: &str, group: &str) -> String {
    match (group, name.split_once('/')) {
        ("", _) => name.to_owned(),
        ("*", _) if name == "*" => "*.*".to_owned(),
        (group, Some((resource, sub))) => format!("{resource}.{group}/{sub}"),
        (group, None) => format!("{name}.{group}"),
    }
}

/// Writes what may change the answer.
pub(super) fn basis(page: &mut Page<'_>, of: &AccessBasis) {
    let shown = if page.options.full { of.doubts.len() } else { 5 };
    if !of.doubts.is_empty() {
        page.end();
    }
    for doubt in of.doubts.iter().take(shown) {
        page.put(UNKNOWN, "unknown").put(PLAIN, ": ");
        page.wrapped(PLAIN, doubt, 9, 2);
    }
    if of.doubts.len() > shown {
        page.put(DIM, &format!("and {} more (--full)", of.doubts.len() - shown)).end();
    }
    end_note(page, of);
}

/// Whether AlwaysAllow is among the authorizers, so that bindings are not all that counts.
pub(super) fn is_open(of: &AccessBasis) -> bool {
    of.authorizers.iter().any(|one| one == "AlwaysAllow")
}

/// What is assumed.
pub(crate) fn end_note(page: &mut Page<'_>, of: &AccessBasis) {
    let mut notes = Vec::new();
    if of.partial {
        notes.push(
            "files show what is meant to be applied: bindings and roles that a cluster has besides do not \
             show; the default roles and bindings are those of Kubernetes 1.37"
                .to_owned(),
        );
    }
    if of.authorizers_from.is_empty() {
        if page.options.full {
            notes.push(
                "the usual authorizers Node and RBAC are assumed: nothing here names others"
                    .to_owned(),
            );
        }
    } else {
        notes.push(format!("authorizers: {} ({})", of.authorizers.join(", "), of.authorizers_from));
    }
    if !notes.is_empty() {
        page.end();
    }
    for text in notes {
        page.put(HELP, "note").put(PLAIN, ": ");
        page.wrapped(PLAIN, &text, 6, 2);
    }
}
