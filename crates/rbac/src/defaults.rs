//! Roles and bindings that every new cluster of Kubernetes 1.37 has, in full: they count for files,
//! which never hold them. They are those of Kubernetes' own test data for 1.37.2.

use std::sync::LazyLock;

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Source, Value, read};

use crate::rule::Rules;

/// What the text of these objects is called; no user ever sees it.
const NAME: &str = "cluster_defaults.jsonl";

static OBJECTS: LazyLock<Vec<Object>> = LazyLock::new(|| {
    let lines = include_str!("cluster_defaults.jsonl").lines();
    let documents = lines.flat_map(|line| read(&Source::new(NAME, line)).docs);
    let object = |doc: &pavisade_yaml::Doc| {
        Object::new(
            doc.root(),
            "rbac.authorization.k8s.io/v1",
            doc.root().str("kind").unwrap_or_default(),
        )
    };
    documents.map(|doc| object(&doc)).collect()
});

/// All of a kind.
pub(crate) fn of_kind(kind: GroupKind) -> impl Iterator<Item = &'static Object> {
    OBJECTS.iter().filter(move |object| object.is(kind))
}

/// Whether an object, or the text of a value, is one of these.
pub(crate) fn is_default(value: Value<'_>) -> bool {
    value.doc().source().name() == NAME
}

/// What the Node authorizer allows whatever the objects are: the rules of ClusterRole `system:node`.
pub(crate) fn of_nodes() -> Rules<'static> {
    let mut roles = of_kind(kinds::CLUSTER_ROLE).filter(|role| role.name() == "system:node");
    roles.next().map(Rules::of).unwrap_or_default()
}
