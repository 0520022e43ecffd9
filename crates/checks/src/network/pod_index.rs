//! An index of pods by label, so that not every pod has to be examined.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pavisade_model::kinds;
use pavisade_netpol::{Operator, Selector};
use pavisade_snapshot::{Coverage, Label, Object, Pod};
use pavisade_yaml::Value;

use crate::{Derived, Reads, View};

/// The workloads of all namespaces, by namespace.
#[derive(Default)]
struct ByNamespace(HashMap<String, Arc<Labels>>);

/// All workloads.
#[derive(Default)]
struct Everywhere(Arc<Labels>);

/// Workloads by the labels of their pods, as indexes in `all`.
#[derive(Default)]
struct Labels {
    /// Indexes in [`kinds::WORKLOADS`], and among the objects of that kind.
    all: Vec<(usize, usize)>,
    /// By label, then by value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Workloads whose controller adds a label with an unknown value, by label.
    added: HashMap<&'static str, Vec<usize>>,
    /// Workloads whose pods may get any label.
    any: Vec<usize>,
    /// The names of workloads with pods.
    names: HashSet<String>,
    /// The values of all labels of their pods.
    values: HashSet<String>,
    /// By a label of the workload itself.
    by_own_label: HashMap<(String, String), Vec<usize>>,
}

/// The pods near an object: those of its namespace, and of objects that may be applied to it.
pub(crate) struct Near<'a> {
    cx: View<'a>,
    /// Those of the namespace, then those without one.
    parts: Vec<Arc<Labels>>,
}

/// A label that a selected pod must have.
pub(crate) enum Wanted<'a> {
    /// A label with one of these values.
    OneOf(&'a str, Vec<&'a str>),
    /// A label with any value.
    Any(&'a str),
}

impl<'a> Wanted<'a> {
    /// Returns a requirement of a policy's selector for a label that must exist.
    pub(super) fn of_policy(selector: &'a Selector) -> Option<Self> {
        selector.requirements()?.iter().find_map(|one| match one.operator {
            Operator::In => {
                Some(Self::OneOf(&one.key, one.values.iter().map(String::as_str).collect()))
            }
            Operator::Exists => Some(Self::Any(&one.key)),
            Operator::NotIn | Operator::DoesNotExist => None,
        })
    }

    /// Returns the first requirement of a selector, if it is for a label that must exist. (Later
    /// ones are only evaluated if the first is met.)
    pub(crate) fn of(selector: Value<'a>) -> Option<Self> {
        let mut labels = selector.get("matchLabels").into_iter().flat_map(Value::entries);
        if let Some((key, value)) = labels.next() {
            return Some(Self::OneOf(key, vec![value.as_str()?]));
        }
        let first = selector.list("matchExpressions").next()?;
        let key = first.str("key")?;
        match first.str("operator")? {
            "In" => {
                Some(Self::OneOf(key, first.list("values").filter_map(Value::as_str).collect()))
            }
            "Exists" => Some(Self::Any(key)),
            _ => None,
        }
    }
}

impl<'a> Near<'a> {
    pub(super) fn of(namespace: &str, cx: &View<'a>) -> Self {
        let partial = kinds::WORKLOADS.iter().any(|kind| cx.coverage(*kind) == Coverage::Partial);
        let parts = if namespace.is_empty() {
            vec![cx.derive::<Everywhere>().0.clone()]
        } else {
            let all = cx.derive::<ByNamespace>();
            // In files, the namespace may be set when they are applied.
            let open = partial.then_some("");
            let names = [namespace].into_iter().chain(open);
            names.filter_map(|name| all.0.get(name)).cloned().collect()
        };
        Self { cx: *cx, parts }
    }

    /// The pods of exactly that namespace.
    pub(crate) fn within(namespace: &str, cx: &View<'a>) -> Self {
        let all = cx.derive::<ByNamespace>();
        Self { cx: *cx, parts: all.0.get(namespace).cloned().into_iter().collect() }
    }

    /// Returns all pods, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Pod<'a>> + use<'a> {
        self.pods(&|labels| (0..labels.all.len()).collect())
    }

    /// Returns the pods that have or may get the label, in order.
    pub(crate) fn with(&self, wanted: &Wanted<'_>) -> impl Iterator<Item = Pod<'a>> + use<'a> {
        self.pods(&|labels| match wanted {
            Wanted::OneOf(key, values) => {
                let by_value = labels.by_label.get(*key);
                let of = move |value: &&str| by_value?.get(*value);
                labels.unsure(key).chain(values.iter().filter_map(of).flatten()).copied().collect()
            }
            Wanted::Any(key) => {
                let by_value = labels.by_label.get(*key).into_iter();
                let with = by_value.flat_map(HashMap::values).flatten();
                labels.unsure(key).chain(with).copied().collect()
            }
        })
    }

    /// Returns the pods that have at least one of these labels, in order.
    pub(super) fn with_some(&self, wanted: Value<'_>) -> impl Iterator<Item = Pod<'a>> + use<'a> {
        let wanted: Vec<_> =
            wanted.entries().filter_map(|(key, value)| Some((key, value.as_str()?))).collect();
        self.pods(&|labels| {
            let of = |(key, value): &(&str, &str)| labels.by_label.get(*key)?.get(*value);
            wanted.iter().filter_map(of).flatten().copied().collect()
        })
    }

    /// Whether any pod has that label, with any value.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.parts.iter().any(|labels| labels.by_label.contains_key(key))
    }

    /// Whether a workload with pods has that name, or one of its pods' labels has that value.
    pub(super) fn speaks_of(&self, name: &str) -> bool {
        self.parts.iter().any(|l| l.names.contains(name) || l.values.contains(name))
    }

    /// Whether a workload with pods has these labels itself.
    pub(super) fn is_labelled(&self, wanted: Value<'_>) -> bool {
        let Some((key, value)) = wanted.entries().next() else { return false };
        let Some(value) = value.as_str() else { return false };
        let first = (key.to_owned(), value.to_owned());
        let mut pods =
            self.pods(&|labels| labels.by_own_label.get(&first).cloned().unwrap_or_default());
        let has_all =
            |object: &Object| wanted.entries().all(|(k, v)| object.label(k) == v.as_str());
        pods.any(|pod| has_all(pod.object()))
    }

    /// Returns the pods at these places, in order. They are looked up one by one, as many callers
    /// need the first ones only.
    fn pods(
        &self,
        places: &dyn Fn(&Labels) -> Vec<usize>,
    ) -> impl Iterator<Item = Pod<'a>> + use<'a> {
        let mut found = Vec::new();
        for (part, labels) in self.parts.iter().enumerate() {
            let of = places(labels).into_iter().filter_map(|place| labels.all.get(place));
            found.extend(of.map(|(kind, place)| (*kind, part, *place)));
        }
        found.sort_unstable();
        found.dedup();
        let cx = self.cx;
        let object = move |(kind, _, place): (usize, usize, usize)| {
            cx.nth(*kinds::WORKLOADS.get(kind)?, place)
        };
        found.into_iter().filter_map(object).flat_map(Object::pods)
    }
}

/// Whether there is a pod in exactly that namespace.
pub(super) fn any_in(namespace: &str, cx: &View<'_>) -> bool {
    let all = cx.derive::<ByNamespace>();
    all.0.get(namespace).is_some_and(|labels| !labels.names.is_empty())
}

impl Derived for ByNamespace {
    const READS: Reads = &[kinds::WORKLOADS];

    fn make(cx: &View<'_>) -> Self {
        let mut index: HashMap<String, Labels> = HashMap::new();
        each(cx, |kind, place, object| {
            index.entry(object.namespace().to_owned()).or_default().add(kind, place, object);
        });
        Self(index.into_iter().map(|(name, labels)| (name, Arc::new(labels))).collect())
    }
}

impl Derived for Everywhere {
    const READS: Reads = &[kinds::WORKLOADS];

    fn make(cx: &View<'_>) -> Self {
        let mut labels = Labels::default();
        each(cx, |kind, place, object| labels.add(kind, place, object));
        Self(Arc::new(labels))
    }
}

fn each(cx: &View<'_>, mut take: impl FnMut(usize, usize, &Object)) {
    for (index, kind) in kinds::WORKLOADS.iter().enumerate() {
        for (place, object) in cx.list(*kind).objects.into_iter().enumerate() {
            take(index, place, object);
        }
    }
}

impl Labels {
    fn add(&mut self, kind: usize, place: usize, object: &Object) {
        self.all.push((kind, place));
        for pod in object.pods() {
            self.add_pod(pod);
        }
    }

    /// Adds a pod of the last workload in `all`.
    fn add_pod(&mut self, pod: Pod<'_>) {
        let place = self.all.len() - 1;
        self.names.insert(pod.object().name().to_owned());
        for (key, value) in pod.labels() {
            self.values.insert(value.to_owned());
            self.put(key, value, place);
        }
        let own = pod.object().at(&["metadata", "labels"]);
        for (key, value) in own.into_iter().flat_map(Value::entries) {
            if let Some(value) = value.as_str() {
                let label = (key.to_owned(), value.to_owned());
                self.by_own_label.entry(label).or_default().push(place);
            }
        }
        let Some(keys) = pod.added_labels() else { return self.any.push(place) };
        for key in keys.iter().filter(|key| !pod.labels().any(|(own, _)| own == **key)) {
            match pod.added_label(key) {
                Label::Absent => {}
                Label::Is(value) => self.put(key, value, place),
                Label::Unknown => self.added.entry(key).or_default().push(place),
            }
        }
    }

    fn put(&mut self, key: &str, value: &str, place: usize) {
        let by_value = self.by_label.entry(key.to_owned()).or_default();
        by_value.entry(value.to_owned()).or_default().push(place);
    }

    /// Returns the workloads that may get a label with an unknown value.
    fn unsure(&self, key: &str) -> impl Iterator<Item = &usize> {
        self.added.get(key).into_iter().flatten().chain(&self.any)
    }
}
