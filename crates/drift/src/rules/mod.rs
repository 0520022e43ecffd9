//! Values that the API server (1.30 to 1.37) and the standard controllers set in objects.
//!
//! A rule is for a field of a type, so it applies wherever that type is used: a container's
//! defaults in pods, templates, init containers and Jobs of CronJobs. Declared defaults are in the
//! table of types. Source: `pkg/apis/*/*/defaults.go`, the strategies of the registries and the
//! default admission plugins of Kubernetes.

mod cluster;
mod image;
mod metadata;
mod network;
mod pod;
mod storage;
mod workload;

use pavisade_yaml::Value;

use crate::elements::Elements;

/// A condition on a place.
pub(crate) type Test = fn(&Place<'_>) -> bool;

/// The differences that are allowed at a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Never compared: it changes by itself.
    Ignored,
    /// Set by the server. Compared only between two stored objects.
    Server,
    /// Not compared with a file if the test is true.
    Skip(Test),
    /// Any value may be added.
    Assigned,
    /// The default, as JSON.
    Is(&'static str),
    /// An added value is a default if the test is true.
    When(Test),
    /// The server creates the map. Its fields are compared with their defaults.
    Inside,
    /// The server adds an element if the test is true.
    Entry(Test),
    /// An element is not compared with a file if the test is true.
    SkipEntry(Test),
    /// The kind does not support an element for which the test is true, and drops it.
    Unknown(Test),
    /// Overrides how elements are matched.
    Elements(Elements),
}

/// A type, a field of it, and a rule for the field.
pub(crate) type Line = (&'static str, &'static str, Rule);

/// A field, or an element of it, in both objects.
pub(crate) struct Place<'a> {
    /// The value in the file.
    pub written: Option<Value<'a>>,
    /// The value in the store.
    pub stored: Option<Value<'a>>,
    /// The map with the field, in the file.
    pub written_holder: Option<Value<'a>>,
    /// The map with the field, in the store.
    pub holder: Option<Value<'a>>,
    /// The whole object in the file.
    pub written_root: Value<'a>,
    /// The whole object in the store.
    pub root: Value<'a>,
    /// The kind of the object.
    pub kind: &'a str,
}

impl<'a> Place<'a> {
    /// Returns a sibling field in the store.
    fn beside(&self, field: &str) -> Option<Value<'a>> {
        self.holder?.get(field)
    }

    /// Returns the text of a sibling field in the store.
    fn text_beside(&self, field: &str) -> &'a str {
        self.beside(field).and_then(Value::as_str).unwrap_or("")
    }

    /// Whether a sibling field is set in the file.
    fn wrote_beside(&self, field: &str) -> bool {
        self.written_holder.and_then(|holder| holder.get(field)).is_some_and(|v| !v.is_null())
    }

    /// Returns the text of the value in the store.
    fn text(&self) -> &'a str {
        self.stored.and_then(Value::as_str).unwrap_or("")
    }

    /// Returns the text of a field of the value in the store.
    fn text_in(&self, field: &str) -> &'a str {
        self.stored.and_then(|value| value.str(field)).unwrap_or("")
    }

    /// Returns the key of the value in its map, in either object.
    fn key(&self) -> &'a str {
        self.stored.or(self.written).and_then(Value::key).unwrap_or("")
    }

    /// Whether the object is a pod. Admission sets more fields in a pod than in a template.
    fn in_pod(&self) -> bool {
        self.kind == "Pod"
    }

    /// Whether the value equals a sibling field, in the store.
    fn same_as(&self, field: &str) -> bool {
        self.stored.is_some() && self.stored == self.beside(field)
    }
}

/// Returns all rules.
pub(crate) fn all() -> impl Iterator<Item = &'static Line> {
    [
        metadata::RULES,
        pod::RULES,
        pod::VOLUMES,
        workload::RULES,
        network::RULES,
        storage::RULES,
        cluster::RULES,
    ]
    .into_iter()
    .flatten()
}

/// Returns how elements are matched according to the rules.
pub(crate) fn elements(rules: &[Rule]) -> Option<Elements> {
    rules.iter().find_map(|rule| match rule {
        Rule::Elements(elements) => Some(*elements),
        _ => None,
    })
}
