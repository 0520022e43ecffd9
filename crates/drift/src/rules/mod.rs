//! What the API server (1.30 to 1.37) and the standard controllers put into objects.
//!
//! A rule stands at a field of a type, so it holds wherever that type is used: a container's
//! defaults in pods, templates, init containers and jobs of cron jobs. Declared defaults come
//! with the table of types. Source: `pkg/apis/*/*/defaults.go`, the registries' strategies and
//! the default admission plugins of Kubernetes.

mod cluster;
mod image;
mod metadata;
mod network;
mod pod;
mod storage;
mod workload;

use pavisade_yaml::Value;

use crate::elements::Elements;

/// A question about a place.
pub(crate) type Test = fn(&Place<'_>) -> bool;

/// What may differ at a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Never compared: it changes by itself.
    Ignored,
    /// Of the server's making: compared only between two stored objects.
    Server,
    /// Not compared with a file where the test holds.
    Skip(Test),
    /// Any value may be added.
    Assigned,
    /// This JSON is the default.
    Is(&'static str),
    /// What is added is a default where the test holds.
    When(Test),
    /// The server makes the map: its fields are compared with their defaults.
    Inside,
    /// An element is added by the server where the test holds.
    Entry(Test),
    /// An element is not compared with a file where the test holds.
    SkipEntry(Test),
    /// The kind does not know an element where the test holds, and drops it.
    Unknown(Test),
    /// The elements are matched in another way than the types say.
    Elements(Elements),
}

/// A field of a type, and a rule for it.
pub(crate) type Line = (&'static str, &'static str, Rule);

/// A field, or an element of it, in both objects.
pub(crate) struct Place<'a> {
    /// What the file has.
    pub written: Option<Value<'a>>,
    /// What the store has.
    pub stored: Option<Value<'a>>,
    /// The map that holds the field, in the file.
    pub written_holder: Option<Value<'a>>,
    /// The map that holds the field, in the store.
    pub holder: Option<Value<'a>>,
    /// The whole object in the file.
    pub written_root: Value<'a>,
    /// The whole object in the store.
    pub root: Value<'a>,
    /// Its kind.
    pub kind: &'a str,
}

impl<'a> Place<'a> {
    /// A field beside this one, in the store.
    fn beside(&self, field: &str) -> Option<Value<'a>> {
        self.holder?.get(field)
    }

    /// The text of a field beside this one, in the store.
    fn text_beside(&self, field: &str) -> &'a str {
        self.beside(field).and_then(Value::as_str).unwrap_or("")
    }

    /// Whether the file says something in a field beside this one.
    fn wrote_beside(&self, field: &str) -> bool {
        self.written_holder.and_then(|holder| holder.get(field)).is_some_and(|v| !v.is_null())
    }

    /// The text of this in the store.
    fn text(&self) -> &'a str {
        self.stored.and_then(Value::as_str).unwrap_or("")
    }

    /// The text of a field of this in the store.
    fn text_in(&self, field: &str) -> &'a str {
        self.stored.and_then(|value| value.str(field)).unwrap_or("")
    }

    /// The key of this in its map, in whichever object has it.
    fn key(&self) -> &'a str {
        self.stored.or(self.written).and_then(Value::key).unwrap_or("")
    }

    /// Whether the object is a pod, which admission fills more than a template.
    fn in_pod(&self) -> bool {
        self.kind == "Pod"
    }

    /// Whether this is in the store what the field beside it is.
    fn same_as(&self, field: &str) -> bool {
        self.stored.is_some() && self.stored == self.beside(field)
    }
}

/// Every rule.
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

/// How the rules want elements to be matched.
pub(crate) fn elements(rules: &[Rule]) -> Option<Elements> {
    rules.iter().find_map(|rule| match rule {
        Rule::Elements(elements) => Some(*elements),
        _ => None,
    })
}
