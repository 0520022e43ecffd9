//! Generated roles and their bindings as YAML.

use std::fmt::Write as _;

use pavisade_rbac::{Ask, Subject};

use crate::role::{LeastRole, LeastRule};

/// The name of the roles of a subject: what a name of Kubernetes may contain, and a part that is
/// different for every subject.
pub(crate) fn base_name(subject: &Subject) -> String {
    let (kind, text) = match subject {
        Subject::ServiceAccount { namespace, name } => ("sa", format!("{namespace}-{name}")),
        Subject::User(name) => ("user", name.clone()),
        Subject::Group(name) => ("group", name.clone()),
    };
    let mut plain = String::new();
    for c in text.chars().take(150) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => plain.push(c),
            _ if plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let plain = plain.trim_matches('-');
    let changed = plain != text;
    let mut name = format!("least-{kind}-{plain}");
    if changed || matches!(subject, Subject::ServiceAccount { .. }) {
        // FNV-1a: two subjects with the same plain name get different roles.
        let hash = format!("{subject:?}").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let _ = write!(name, ".{:08x}", hash & 0xffff_ffff);
    }
    name
}

/// Whether a rule that names what was asked would allow more: anybody may send a `*` in a URL.
pub(crate) fn is_wild(ask: &Ask) -> bool {
    match ask {
        Ask::Path { verb, path } => verb.contains('*') || path.ends_with('*'),
        Ask::Resource(ask) => {
            let parts = [&ask.verb, &ask.group, &ask.resource, &ask.subresource];
            parts.iter().any(|part| part.contains('*'))
        }
    }
}

pub(crate) fn write(roles: &[LeastRole], subject: &Subject) -> String {
    let mut out = String::new();
    for role in roles {
        let space = |out: &mut String, namespace: Option<&String>| {
            if let Some(namespace) = namespace {
                let _ = writeln!(out, "  namespace: {}", quoted(namespace));
            }
        };
        let own = (role.kind() == "Role").then(|| role.namespaces.first()).flatten();
        let _ = write!(
            out,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {}\nmetadata:\n  name: {}\n",
            role.kind(),
            quoted(&role.name)
        );
        space(&mut out, own);
        out.push_str("rules:\n");
        for one in &role.rules {
            rule(&mut out, one);
        }
        let places = role.namespaces.iter().map(Some);
        let places: Vec<_> = if role.namespaces.is_empty() { vec![None] } else { places.collect() };
        for place in places {
            let kind = if place.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
            let _ = write!(
                out,
                "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {}\n",
                quoted(&role.name)
            );
            space(&mut out, place);
            let _ = write!(
                out,
                "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {}\n  name: {}\nsubjects:\n",
                role.kind(),
                quoted(&role.name)
            );
            match subject {
                Subject::ServiceAccount { namespace, name } => {
                    let _ = write!(
                        out,
                        "  - kind: ServiceAccount\n    name: {}\n    namespace: {}\n",
                        quoted(name),
                        quoted(namespace)
                    );
                }
                Subject::User(name) | Subject::Group(name) => {
                    let kind = if matches!(subject, Subject::User(_)) { "User" } else { "Group" };
                    let _ = write!(
                        out,
                        "  - apiGroup: rbac.authorization.k8s.io\n    kind: {kind}\n    name: {}\n",
                        quoted(name)
                    );
                }
            }
        }
    }
    out
}

fn rule(out: &mut String, rule: &LeastRule) {
    if rule.paths.is_empty() {
        let _ = writeln!(out, "  - apiGroups: [{}]", quoted(&rule.group));
        let _ = writeln!(out, "    resources: [{}]", list(&rule.resources));
        if !rule.names.is_empty() {
            let _ = writeln!(out, "    resourceNames: [{}]", list(&rule.names));
        }
        let _ = writeln!(out, "    verbs: [{}]", list(&rule.verbs));
    } else {
        let _ = writeln!(out, "  - nonResourceURLs: [{}]", list(&rule.paths));
        let _ = writeln!(out, "    verbs: [{}]", list(&rule.verbs));
    }
}

fn list(all: &[String]) -> String {
    all.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

/// A text as YAML: plain if it is a word that YAML takes for a text, else quoted.
fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-./".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && !matches!(text, "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            // Some of them end a line, or are not allowed in YAML.
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_differ() {
        let user = |name: &str| base_name(&Subject::User(name.to_owned()));
        assert_eq!(user("ann"), "least-user-ann");
        assert!(user("ann@example.com").starts_with("least-user-ann-example-com."));
        // A number or hash behind a name is not taken for a part of another name.
        let mixed = user("Ann");
        assert_ne!(user(mixed.trim_start_matches("least-user-")), mixed);
        assert_ne!(user("ann.b"), user("ann_b"));
        let account = |namespace: &str, name: &str| {
            base_name(&Subject::ServiceAccount { namespace: namespace.into(), name: name.into() })
        };
        assert_ne!(account("a-b", "c"), account("a", "b-c"));
        assert!(user(&"x".repeat(1000)).len() < 200);
        assert!(
            user("ünïcödé/../").bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        );
    }

    #[test]
    fn texts_stay_texts() {
        for (text, want) in [
            ("pods", "pods"),
            ("pods/exec", "pods/exec"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("1e3", "\"1e3\""),
            ("*", "\"*\""),
            ("a: b", "\"a: b\""),
            ("a\nb", "\"a\\u000ab\""),
            ("a\"\\\u{2028}\u{1f600}", "\"a\\\"\\\\\\u2028\\U0001f600\""),
        ] {
            assert_eq!(quoted(text), want);
        }
    }
}
