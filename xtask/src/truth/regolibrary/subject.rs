//! Identifies objects to compare verdicts.
//!
//! kubescape's is `alertObject`: API objects reduced to kind and name (often without the
//! namespace), or one external object: an RBAC subject with its binding and role, a sensor object,
//! a file. Pavisade's is the subject of a finding. Both are converted to kind, namespace and name;
//! a container counts as the object that contains it. If a rule reports another object than the
//! check does (the user who has a role instead of the role), the table names the kinds of related
//! objects to use instead.

use std::fmt;

use pavisade_model::Subject;
use serde_json::Value;

/// An object that fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    kind: String,
    /// Empty if unknown.
    namespace: String,
    name: String,
}

/// Control-plane files, which have no name and which the rules report as such. For a kubelet they
/// report the sensor object, whichever file or flag is wrong.
const FILES: [&str; 2] = ["EncryptionConfiguration", "Policy"];

impl Key {
    pub(super) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let mut key =
            Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
        if key.is_file() {
            // The rule invents a name for it.
            key.name.clear();
        }
        key
    }

    /// Returns the object of a finding; `None` if it is about something else.
    pub(super) fn of(subject: &Subject) -> Option<Self> {
        match subject {
            Subject::Object { kind, namespace, name, .. } => Some(Self::new(kind, namespace, name)),
            _ => None,
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").or(text("/name")).unwrap_or("");
        let namespace = text("/metadata/namespace").or(text("/namespace")).unwrap_or("");
        Some(Self::new(text("/kind")?, namespace, name))
    }

    pub(super) fn is_file(&self) -> bool {
        FILES.contains(&self.kind.as_str())
    }

    fn same(&self, other: &Self) -> bool {
        let near = self.namespace == other.namespace
            || self.namespace.is_empty()
            || other.namespace.is_empty();
        near && self.kind == other.kind && self.name == other.name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// Returns whether both report the same objects. Each object of an alert must fail; with `one_of`,
/// one of them is enough.
pub(super) fn same(alerts: &[Vec<Key>], ours: &[Key], one_of: bool) -> bool {
    let is_ours = |key: &Key| ours.iter().any(|own| own.same(key));
    let met = |alert: &Vec<Key>| match one_of {
        true => alert.iter().any(is_ours),
        false => alert.iter().all(is_ours),
    };
    let is_theirs = |own: &Key| alerts.iter().flatten().any(|key| key.same(own));
    alerts.iter().all(met) && ours.iter().all(is_theirs)
}

/// Returns the objects that fail in an `expected.json`, by alert. With `kinds`, only related
/// objects of these kinds are used.
pub(super) fn failed(expected: &Value, kinds: Option<&[String]>) -> Vec<Vec<Key>> {
    let mut alerts = Vec::new();
    for alert in expected.as_array().into_iter().flatten() {
        let own = &alert["alertObject"];
        let external = &own["externalObjects"];
        let api = own["k8sApiObjects"].as_array().into_iter().flatten();
        let blamed = api.chain([external, own].into_iter().filter(|one| one.is_object()));
        let Some(kinds) = kinds else {
            alerts.push(blamed.filter_map(Key::read).collect());
            continue;
        };
        let inside = external["relatedObjects"].as_array().into_iter().flatten();
        let beside = alert["relatedObjects"].as_array().into_iter().flatten();
        let related = inside.chain(beside.map(|r| r.get("object").unwrap_or(r)));
        let all = blamed.chain(related).filter_map(Key::read);
        alerts.push(all.filter(|key| kinds.contains(&key.kind)).collect());
    }
    alerts.retain(|alert: &Vec<Key>| !alert.is_empty());
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_blamed() {
        let alert = |own: &str, beside: &str| {
            format!(r#"[{{"alertObject": {own}, "relatedObjects": {beside}}}]"#)
        };
        let pod = r#"{"kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}"#;
        let role = r#"{"kind": "Role", "metadata": {"name": "r"}}"#;
        let user = format!(r#"{{"kind": "User", "name": "u", "relatedObjects": [{role}]}}"#);
        let api = |what: &str| format!(r#"{{"k8sApiObjects": [{what}]}}"#);
        let external = |what: &str| format!(r#"{{"externalObjects": {what}}}"#);
        let policy = r#"{"kind": "Policy", "metadata": {"name": "host - file"}}"#;
        for (text, kinds, want) in [
            ("null".to_owned(), None, ""),
            (alert(&api(pod), "[]"), None, "Pod n/a"),
            (alert(&external(&user), "null"), None, "User u"),
            (alert(&external(&user), "null"), Some("Role"), "Role r"),
            (alert(&api(pod), &format!(r#"[{{"object": {role}}}]"#)), Some("Role"), "Role r"),
            (alert(&external(policy), "[]"), None, "Policy "),
        ] {
            let kinds = kinds.map(|kind: &str| vec![kind.to_owned()]);
            let found = failed(&serde_json::from_str(&text).unwrap(), kinds.as_deref());
            let shown: Vec<_> = found.iter().flatten().map(Key::to_string).collect();
            assert_eq!(shown.join(", "), want, "{text}");
        }
    }

    #[test]
    fn a_namespace_that_is_left_out_is_any() {
        let key = |namespace: &str, name: &str| Key::new("Pod", namespace, name);
        let one = |namespace, name| vec![key(namespace, name)];
        for (alerts, ours, one_of, agrees) in [
            (vec![one("", "a")], one("n", "a"), false, true),
            (vec![one("m", "a")], one("n", "a"), false, false),
            (vec![one("", "a")], vec![], false, false),
            (vec![], vec![], false, true),
            (vec![], one("", "a"), false, false),
            (vec![one("", "a")], vec![key("", "a"), key("", "b")], false, false),
            (vec![vec![key("", "a"), key("", "b")]], one("", "a"), false, false),
            (vec![vec![key("", "a"), key("", "b")]], one("", "a"), true, true),
            (vec![vec![key("", "a"), key("", "b")], one("", "c")], one("", "a"), true, false),
        ] {
            assert_eq!(same(&alerts, &ours, one_of), agrees, "{alerts:?} {ours:?} {one_of}");
        }
    }
}
