//! An index of Services by selector, so that not every Service is compared with every pod.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pavisade_model::{Why, kinds};
use pavisade_snapshot::{Coverage, Object, Pod, Selector, Selects};
use pavisade_yaml::{Value, to_json};

use super::backend::Entries;
use super::subject::selects;
use crate::{Derived, Reads, View};

/// The Services of each namespace, grouped by selector.
#[derive(Default)]
struct Services(HashMap<String, Arc<Groups>>);

#[derive(Default)]
struct Groups {
    all: Vec<Group>,
    /// By the first label of the selector.
    by_label: HashMap<(String, String), Vec<usize>>,
    /// By the key of that label.
    by_key: HashMap<String, Vec<usize>>,
}

/// Services with the same selector. Each of them is identified by its position in the world.
struct Group {
    first: usize,
    last: usize,
    /// The first that is reachable from outside of the cluster by itself.
    open: Option<usize>,
    /// The first to which an Ingress or route leads.
    routed: Option<usize>,
    /// The first of which it is not known whether a gateway leads to it.
    unknown: Option<usize>,
}

/// The Services that select a pod.
#[derive(Default)]
pub(super) struct Selecting<'a> {
    /// The first that is reachable from outside of the cluster by itself.
    pub(super) open: Option<&'a Object>,
    /// The first to which an Ingress or route leads, with its kind and name.
    pub(super) routed: Option<(String, String)>,
    /// The reason why it is not known whether a gateway leads to one of them.
    pub(super) unknown: Option<Why>,
    /// One of which it is not known whether it selects the pod.
    pub(super) unsure: Option<&'a Object>,
}

impl<'a> Selecting<'a> {
    pub(super) fn of(pod: Pod<'a>, cx: &View<'a>) -> Self {
        let services = cx.derive::<Services>();
        let at = |place: usize| cx.nth(kinds::SERVICE, place);
        let namespace = pod.object().namespace();
        // In files, the namespace may be set when they are applied.
        let open = cx.coverage(kinds::SERVICE) == Coverage::Partial;
        let parts: Vec<_> = match namespace {
            "" => services.0.values().map(|groups| (0, groups)).collect(),
            name => {
                let names = [name].into_iter().chain(open.then_some("")).enumerate();
                names.filter_map(|(at, name)| Some((at, services.0.get(name)?))).collect()
            }
        };
        let (mut found, mut unsure) = (Vec::new(), None);
        for (part, groups) in parts {
            for group in groups.near(pod) {
                let Some(service) = at(group.first) else { continue };
                let Some(Ok(selector)) = selector(service).map(Selector::labels) else { continue };
                match selects(Some(&selector), service.namespace(), pod) {
                    Selects::Yes => found.push((part, group)),
                    Selects::Maybe => unsure = unsure.max(Some((part, group.last))),
                    Selects::No => {}
                }
            }
        }
        let first = |of: fn(&Group) -> Option<usize>| {
            let places = found.iter().filter_map(|(part, group)| Some((part, of(group)?)));
            at(places.min()?.1)
        };
        let entries = cx.derive::<Entries>();
        Self {
            open: first(|group| group.open),
            routed: first(|group| group.routed).and_then(|it| entries.to(it).cloned()),
            unknown: first(|group| group.unknown).and_then(|it| entries.unknown(it).cloned()),
            unsure: unsure.and_then(|(_, place)| at(place)),
        }
    }
}

/// Returns the selector of a Service, if it has one.
fn selector(service: &Object) -> Option<Value<'_>> {
    service.at(&["spec", "selector"]).filter(|selector| selector.entries().next().is_some())
}

/// Whether a Service is reachable from outside of the cluster by itself.
fn is_open(service: &Object) -> bool {
    let kind = service.at(&["spec", "type"]).and_then(Value::as_str).unwrap_or("");
    matches!(kind, "NodePort" | "LoadBalancer") || has_external_ips(service)
}

/// Whether a Service has external addresses. They have no effect on an alias.
pub(super) fn has_external_ips(service: &Object) -> bool {
    let kind = service.at(&["spec", "type"]).and_then(Value::as_str);
    let mut addresses = service.at(&["spec", "externalIPs"]).into_iter().flat_map(Value::items);
    kind != Some("ExternalName") && addresses.next().is_some()
}

impl Derived for Services {
    const READS: Reads = Entries::READS;

    fn make(cx: &View<'_>) -> Self {
        let entries = cx.derive::<Entries>();
        let mut index: HashMap<String, Groups> = HashMap::new();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        for (place, service) in cx.list(kinds::SERVICE).objects.into_iter().enumerate() {
            let Some(selector) = selector(service) else { continue };
            let namespace = service.namespace().to_owned();
            let groups = index.entry(namespace.clone()).or_default();
            let at = *known
                .entry((namespace, to_json(selector)))
                .or_insert_with(|| groups.add(selector, place));
            let Some(group) = groups.all.get_mut(at) else { continue };
            let keep = |one: &mut Option<usize>, is: bool| *one = one.or(is.then_some(place));
            group.last = place;
            keep(&mut group.open, is_open(service));
            keep(&mut group.routed, entries.to(service).is_some());
            keep(&mut group.unknown, entries.unknown(service).is_some());
        }
        Self(index.into_iter().map(|(name, groups)| (name, Arc::new(groups))).collect())
    }
}

impl Groups {
    /// Adds a group and returns its position.
    fn add(&mut self, selector: Value<'_>, place: usize) -> usize {
        let at = self.all.len();
        let (open, routed, unknown) = (None, None, None);
        self.all.push(Group { first: place, last: place, open, routed, unknown });
        if let Some((key, value)) = selector.entries().next() {
            self.by_key.entry(key.to_owned()).or_default().push(at);
            let label = (key.to_owned(), value.as_str().unwrap_or_default().to_owned());
            self.by_label.entry(label).or_default().push(at);
        }
        at
    }

    /// Returns the groups whose first label the pod has or may get.
    fn near(&self, pod: Pod<'_>) -> Vec<&Group> {
        let Some(added) = pod.added_labels() else { return self.all.iter().collect() };
        let own = pod.labels().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let own = own.filter_map(|label| self.by_label.get(&label)).flatten();
        let added = added.iter().filter_map(|key| self.by_key.get(*key)).flatten();
        let places: HashSet<_> = own.chain(added).collect();
        places.into_iter().filter_map(|place| self.all.get(*place)).collect()
    }
}
