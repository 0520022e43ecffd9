//! Which pods of a namespace a policy may select, without a look at each of them.

use std::collections::HashMap;

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Coverage, Object, Pod};

use super::policy::{Added, added_keys, added_label};
use super::policy_index::wanted;
use crate::Cx;

/// The workloads of all namespaces, by the labels of their pods.
#[derive(Default)]
struct Index(HashMap<String, OfNamespace>);

/// Workloads by their places in `all`.
#[derive(Default)]
struct OfNamespace {
    /// Kinds, and places among the objects of the kind and namespace.
    all: Vec<(GroupKind, usize)>,
    /// By label, then by value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Those to which a controller adds a label, whose value is not known; by label.
    added: HashMap<&'static str, Vec<usize>>,
    /// Those whose pods may be given any label.
    any: Vec<usize>,
}

/// The pods of the policy's namespace that it may select, in their order; nothing where each must
/// be looked at: not all are known, or the policy wants no certain label.
pub(super) fn candidates<'a>(policy: &'a Object, cx: &Cx<'a>) -> Option<Vec<Pod<'a>>> {
    let (key, value) = wanted(policy)?;
    labelled(policy.namespace(), key, value, cx)
}

/// The pods of a namespace that have or may have a label, in their order; nothing where each must
/// be looked at, since not all are known.
pub(super) fn labelled<'a>(
    namespace: &str,
    key: &str,
    value: &str,
    cx: &Cx<'a>,
) -> Option<Vec<Pod<'a>>> {
    let partial = kinds::WORKLOADS.iter().any(|kind| cx.coverage(*kind) == Coverage::Partial);
    if namespace.is_empty() || partial {
        return None;
    }
    let index = cx.derive(Index::of);
    let Some(of) = index.0.get(namespace) else { return Some(Vec::new()) };
    let with = of.by_label.get(key).and_then(|by_value| by_value.get(value));
    let lists = [with, of.added.get(key), Some(&of.any)];
    let mut places: Vec<_> = lists.into_iter().flatten().flatten().copied().collect();
    places.sort_unstable();
    places.dedup();
    let workloads = places.into_iter().filter_map(|place| {
        let (kind, place) = *of.all.get(place)?;
        cx.nth_in(kind, namespace, place)
    });
    Some(workloads.flat_map(Object::pods).collect())
}

impl Index {
    fn of(cx: &Cx<'_>) -> Self {
        let mut index = Self::default();
        for &kind in kinds::WORKLOADS {
            let mut places: HashMap<&str, usize> = HashMap::new();
            for object in &cx.list(kind).objects {
                let place = places.entry(object.namespace()).or_default();
                let of = index.0.entry(object.namespace().to_owned()).or_default();
                of.all.push((kind, *place));
                object.pods().for_each(|pod| of.add(pod));
                *place += 1;
            }
        }
        index
    }
}

impl OfNamespace {
    /// Adds a pod of the last of `all`.
    fn add(&mut self, pod: Pod<'_>) {
        let place = self.all.len() - 1;
        for (key, value) in pod.labels() {
            self.put(key, value, place);
        }
        let Some(keys) = added_keys(pod) else { return self.any.push(place) };
        for key in keys.iter().filter(|key| !pod.labels().any(|(own, _)| own == **key)) {
            match added_label(pod, key) {
                Added::No => {}
                Added::Value(value) => self.put(key, value, place),
                Added::Unknown => self.added.entry(key).or_default().push(place),
            }
        }
    }

    fn put(&mut self, key: &str, value: &str, place: usize) {
        let by_value = self.by_label.entry(key.to_owned()).or_default();
        by_value.entry(value.to_owned()).or_default().push(place);
    }
}
