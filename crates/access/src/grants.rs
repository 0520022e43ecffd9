//! Grants as the API server shows them, and which of them have ended. Pure.

use jiff::Timestamp;
use pavisade_judgement::AccessGrant;
use pavisade_rbac::grant::{EXPIRES_AT, End, LABEL, REASON, REQUESTED_BY};
use serde_json::Value;

use crate::api::escaped;

/// A binding with an end, or that was meant to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What people see of it.
    pub shown: AccessGrant,
    /// What it says about its end.
    pub end: End,
    /// The UID, which no other object ever has.
    pub uid: String,
    /// The version that was read.
    pub version: String,
    /// The users and groups, as in the `subjects` of the binding.
    pub subjects: Vec<Value>,
    /// The kind and the name of the role.
    pub role: (String, String),
}

impl Grant {
    /// Reads a binding. `None` if it says nothing about an end. `kind` is that of the list that it
    /// is from, because the items of a list do not say it.
    pub fn read(kind: &'static str, binding: &Value) -> Option<Self> {
        let meta = binding.get("metadata")?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let mark = |field: &str, key: &str| meta.get(field)?.get(key)?.as_str();
        let name = text(meta.get("name"))?;
        let expires_at = mark("annotations", EXPIRES_AT);
        let end = End::of(&name, mark("labels", LABEL), expires_at);
        let (until, problem) = match &end {
            End::None => return None,
            End::At(until) => (Some(*until), None),
            End::Unswept(until) => {
                let why = "it was not made by `pavisade grant`, so nothing removes it";
                (Some(*until), Some(why.to_owned()))
            }
            End::Broken(why) => (None, Some(format!("{why}, so nothing removes it"))),
        };
        let role = |field: &str| text(binding.get("roleRef").and_then(|role| role.get(field)));
        let role = (role("kind").unwrap_or_default(), role("name").unwrap_or_default());
        let subjects = binding.get("subjects").and_then(Value::as_array).cloned();
        let subjects = subjects.unwrap_or_default();
        Some(Self {
            shown: AccessGrant {
                kind,
                namespace: text(meta.get("namespace")).unwrap_or_default(),
                name,
                subjects: subjects.iter().map(subject_words).collect(),
                role: format!("{} {}", role.0, role.1),
                created: text(meta.get("creationTimestamp")).and_then(|at| at.parse().ok()),
                end: until,
                problem,
                by: mark("annotations", REQUESTED_BY).map(str::to_owned),
                reason: mark("annotations", REASON).map(str::to_owned),
            },
            end,
            uid: text(meta.get("uid")).unwrap_or_default(),
            version: text(meta.get("resourceVersion")).unwrap_or_default(),
            subjects,
            role,
        })
    }

    /// The path of the object at the API server.
    pub fn path(&self) -> String {
        path(&self.shown.namespace, &self.shown.name)
    }
}

const API: &str = "/apis/rbac.authorization.k8s.io/v1";
/// The path of the RoleBindings of all namespaces.
pub(crate) const ROLE_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/rolebindings";

/// The path of the bindings of a namespace, or of the cluster if it is empty.
pub(crate) fn collection(namespace: &str) -> String {
    match namespace {
        "" => format!("{API}/clusterrolebindings"),
        namespace => format!("{API}/namespaces/{}/rolebindings", escaped(namespace)),
    }
}

/// The path of a role. The namespace matters only for a `Role`.
pub(crate) fn role_path(kind: &str, namespace: &str, name: &str) -> String {
    let name = escaped(name);
    match kind {
        "Role" => format!("{API}/namespaces/{}/roles/{name}", escaped(namespace)),
        _ => format!("{API}/clusterroles/{name}"),
    }
}

fn path(namespace: &str, name: &str) -> String {
    format!("{}/{}", collection(namespace), escaped(name))
}

/// A subject: `User alice`, `ServiceAccount ci/deployer`.
pub(crate) fn subject_words(subject: &Value) -> String {
    let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
    match text("namespace") {
        "" => format!("{} {}", text("kind"), text("name")),
        namespace => format!("{} {namespace}/{}", text("kind"), text("name")),
    }
}

/// What to do now, and when to look again.
#[derive(Debug, PartialEq, Eq)]
pub struct Due<'g> {
    /// Grants that have ended, the earliest first.
    pub ended: Vec<&'g Grant>,
    /// The next end.
    pub next: Option<Timestamp>,
}

/// Which grants have ended at `now`. Only what is a grant is ever in it.
pub fn due(grants: &[Grant], now: Timestamp) -> Due<'_> {
    let mut due = Due { ended: Vec::new(), next: None };
    for grant in grants {
        // A removal without these could meet another object of the same name.
        if grant.uid.is_empty() || grant.version.is_empty() {
            continue;
        }
        match grant.end {
            End::At(end) if end <= now => due.ended.push(grant),
            End::At(end) => due.next = Some(due.next.map_or(end, |next| next.min(end))),
            End::None | End::Unswept(_) | End::Broken(_) => {}
        }
    }
    due.ended.sort_by_key(|grant| grant.shown.end);
    due
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn binding(name: &str, label: Option<&str>, end: Option<&str>) -> Value {
        let mut meta = json!({"name": name, "uid": format!("u-{name}"), "resourceVersion": "7"});
        if let Some(label) = label {
            meta["labels"] = json!({LABEL: label});
        }
        if let Some(end) = end {
            meta["annotations"] = json!({EXPIRES_AT: end, REASON: "r"});
        }
        json!({"metadata": meta, "roleRef": {"kind": "ClusterRole", "name": "edit"},
               "subjects": [{"kind": "User", "name": "ann"}]})
    }

    fn read(name: &str, label: Option<&str>, end: Option<&str>) -> Option<Grant> {
        Grant::read("ClusterRoleBinding", &binding(name, label, end))
    }

    #[test]
    fn what_has_ended_and_what_is_next() {
        let at = |second: u32| format!("2030-01-01T00:00:{second:02}Z");
        let grant = |id: &str, second| {
            read(&format!("pavisade-grant-{id}"), Some(id), Some(&at(second))).unwrap()
        };
        let grants = [grant("c", 30), grant("b", 9), grant("a", 10), grant("d", 20)];
        let now = at(10).parse().unwrap();
        let due = due(&grants, now);
        let names: Vec<_> = due.ended.iter().map(|grant| &*grant.shown.name).collect();
        assert_eq!(names, ["pavisade-grant-b", "pavisade-grant-a"]);
        assert_eq!(due.next, at(20).parse().ok());
    }

    #[test]
    fn what_was_not_granted_is_never_removed() {
        let past = Some("2000-01-01T00:00:00Z");
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let others = [
            read("annotated-by-hand", None, past),
            read("copy", Some("a1"), past),
            read("pavisade-grant-a1", Some("a1"), Some("never")),
            read("pavisade-grant-a1", Some("a1"), None),
            read("pavisade-grant-a1", None, past),
        ];
        assert!(read("cluster-admin", None, None).is_none());
        let mut others: Vec<_> = others.into_iter().flatten().collect();
        assert_eq!(others.len(), 5);
        assert!(others.iter().all(|grant| grant.shown.problem.is_some()));
        // One whose identity is not known.
        let mut blind = read("pavisade-grant-a1", Some("a1"), past).unwrap();
        blind.uid.clear();
        others.push(blind);
        assert_eq!(due(&others, now), Due { ended: Vec::new(), next: None });
    }

    #[test]
    fn a_path_per_scope() {
        assert_eq!(path("", "a"), "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/a");
        let inside = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/a";
        assert_eq!(path("shop", "a"), inside);
        let role = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/a";
        assert_eq!(role_path("Role", "shop", "a"), role);
        let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/a";
        assert_eq!(role_path("ClusterRole", "shop", "a"), role);
    }
}
