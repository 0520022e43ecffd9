//! Annotations of Ingresses and Services, whose prefix the operator of a controller may choose.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// One annotation.
#[derive(Clone, Copy)]
pub(super) struct Annotation<'a> {
    pub(super) key: &'a str,
    /// What is after the prefix; empty where there is none.
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
}

/// The annotations of an object.
pub(super) fn annotations(object: &Object) -> impl Iterator<Item = Annotation<'_>> {
    let all = object.at(&["metadata", "annotations"]).into_iter().flat_map(Value::entries);
    all.map(|(key, value)| {
        let name = key.rsplit_once('/').map_or("", |(_, name)| name);
        Annotation { key, name, value }
    })
}
