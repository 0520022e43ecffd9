//! Annotations of Ingresses and Services, whose prefix is configurable.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// An annotation.
#[derive(Clone, Copy)]
pub(super) struct Annotation<'a> {
    pub(super) key: &'a str,
    /// The name after the prefix. Empty if there is none.
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
}

/// Returns the annotations of an object.
pub(super) fn annotations(object: &Object) -> impl Iterator<Item = Annotation<'_>> {
    let all = object.at(&["metadata", "annotations"]).into_iter().flat_map(Value::entries);
    all.map(|(key, value)| {
        let name = key.rsplit_once('/').map_or("", |(_, name)| name);
        Annotation { key, name, value }
    })
}
