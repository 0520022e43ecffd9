//! Objects in files, and their counterparts in a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use pavisade_model::{Note, NoteKind, kinds};

use crate::{Object, ObjectId};

/// Returns the ids of an object from a file in a cluster, where `namespace` is the default.
pub(crate) fn ids_of(
    object: &Object,
    namespace: &Arc<str>,
    cluster: &BTreeMap<ObjectId, Arc<Object>>,
) -> Vec<ObjectId> {
    let mirrors = mirrors(object, cluster);
    if !mirrors.is_empty() {
        return mirrors;
    }
    let id = object.id().clone();
    if id.namespace.is_empty() && !cluster.contains_key(&id) {
        let inside = ObjectId { namespace: namespace.clone(), ..id.clone() };
        if cluster.contains_key(&inside) {
            return vec![inside];
        }
    }
    vec![id]
}

pub(crate) fn twice(first: &Object, other: &Object) -> Note {
    let (source, span) = (other.doc().source(), other.value().span());
    Note {
        kind: NoteKind::Info,
        place: source.shown().into_owned(),
        span: Some((source.clone(), span.start, span.start + 1)),
        message: format!(
            "{} is also defined in {} with different content: that one is compared with the \
             cluster",
            other.subject(None).label(),
            first.doc().source().shown()
        ),
        remedy: String::new(),
    }
}

/// Returns the mirror pods of a static pod: its name with each node's name appended.
fn mirrors(object: &Object, cluster: &BTreeMap<ObjectId, Arc<Object>>) -> Vec<ObjectId> {
    if !object.is(kinds::POD) || cluster.contains_key(object.id()) {
        return Vec::new();
    }
    let start = format!("{}-", object.name());
    let from = ObjectId { name: start.as_str().into(), ..object.id().clone() };
    let near = cluster.range(from..).take_while(|(id, _)| {
        id.kind == object.id().kind
            && id.namespace == object.id().namespace
            && id.name.starts_with(&start)
    });
    let mirror = near.filter(|(_, pod)| {
        let node = pod.at(&["spec", "nodeName"]).and_then(|name| name.as_str());
        pod.annotation("kubernetes.io/config.mirror").is_some()
            && node == pod.name().get(start.len()..)
    });
    mirror.map(|(id, _)| id.clone()).collect()
}
