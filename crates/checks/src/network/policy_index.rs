//! An index of policies, so that not every policy has to be examined: policies of a namespace with
//! the same selector are a group, and groups are indexed by a label they require.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object, Pod, Selects};
use pavisade_yaml::to_json;

use super::pod_index::Wanted;
use super::policy::{
    Added, Direction, added_keys, added_label, applies_to, pod_selector, selects, wrong_type,
};
use crate::{Derived, Reads, View, Why};

/// The policies by namespace, and all of them under `None`.
#[derive(Default)]
struct Index(HashMap<Option<String>, Arc<OfNamespace>>);

#[derive(Default)]
pub(super) struct OfNamespace {
    groups: Vec<Group>,
    /// Groups that require no specific label.
    any: Vec<usize>,
    /// By label, then by value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Groups that require a label with any value.
    by_key: HashMap<String, Vec<usize>>,
    /// The last invalid policy for each direction, with the reason.
    broken: [Option<(usize, Why)>; 2],
}

/// Policies of a namespace with the same selector, as indexes in the list of all.
struct Group {
    /// The policies that apply to each direction.
    of: [Vec<usize>; 2],
}

fn at(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

/// The policies that select a pod for a direction, and the reason why others may.
pub(super) struct Selecting<'a> {
    cx: View<'a>,
    direction: Direction,
    /// The groups: those of the pod's namespace, then those without one.
    groups: Vec<(Arc<OfNamespace>, usize)>,
    /// Identifies the groups.
    pub(super) key: Vec<(usize, usize)>,
    pub(super) unclear: Option<Why>,
}

impl<'a> Selecting<'a> {
    pub(super) fn of(pod: Pod<'a>, direction: Direction, cx: &View<'a>) -> Self {
        let mut selecting =
            Self { cx: *cx, direction, groups: Vec::new(), key: Vec::new(), unclear: None };
        for part in parts(pod.object().namespace(), cx) {
            selecting.add(&part, pod);
        }
        selecting
    }

    fn add(&mut self, part: &Arc<OfNamespace>, pod: Pod<'a>) {
        let (direction, cx) = (at(self.direction), self.cx);
        // The last unclear policy is reported.
        let mut unclear = part.broken[direction].clone();
        for group in part.near(pod) {
            let places = &part.groups[group].of[direction];
            let (Some(first), Some(last)) = (places.first(), places.last()) else { continue };
            let Some(policy) = cx.nth(kinds::NETWORK_POLICY, *first) else { continue };
            let Ok(selector) = pod_selector(policy) else { continue };
            match selects(selector.as_ref(), policy.namespace(), pod) {
                Selects::No => {}
                Selects::Yes => {
                    self.key.push((Arc::as_ptr(part) as usize, group));
                    self.groups.push((part.clone(), group));
                }
                Selects::Maybe if unclear.as_ref().is_none_or(|(place, _)| place < last) => {
                    let name = cx.nth(kinds::NETWORK_POLICY, *last).map_or("", Object::name);
                    let why = match policy.namespace() == pod.object().namespace() {
                        true => format!(
                            "NetworkPolicy `{name}` may select these pods by labels that a \
                             controller adds"
                        ),
                        false => format!(
                            "NetworkPolicy `{name}` selects these pods only if both are applied \
                             to the same namespace, which the files do not specify"
                        ),
                    };
                    unclear = Some((*last, why.into()));
                }
                Selects::Maybe => {}
            }
        }
        if let Some((_, why)) = unclear {
            self.unclear = Some(why);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Returns the policies in order.
    pub(super) fn policies(&self) -> Vec<&'a Object> {
        let first = self.groups.first().map(|(part, _)| Arc::as_ptr(part));
        let places = self.groups.iter().flat_map(|(part, group)| {
            let of = &part.groups[*group].of[at(self.direction)];
            of.iter().map(move |place| (Some(Arc::as_ptr(part)) != first, *place))
        });
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        places.iter().filter_map(|(_, p)| self.cx.nth(kinds::NETWORK_POLICY, *p)).collect()
    }
}

/// Returns the policies of a namespace. In files, also those that may be applied to it.
fn parts(namespace: &str, cx: &View<'_>) -> Vec<Arc<OfNamespace>> {
    let index = cx.derive::<Index>();
    let partial = cx.coverage(kinds::NETWORK_POLICY) == Coverage::Partial;
    let names = match namespace {
        "" => vec![None],
        own if partial => vec![Some(own.to_owned()), Some(String::new())],
        own => vec![Some(own.to_owned())],
    };
    names.into_iter().filter_map(|name| index.0.get(&name).cloned()).collect()
}

impl OfNamespace {
    /// Returns the groups that may select a pod. Others require a label, or a value of it, that the
    /// pod does not have and cannot get.
    fn near(&self, pod: Pod<'_>) -> Vec<usize> {
        let Some(added) = added_keys(pod) else { return (0..self.groups.len()).collect() };
        let mut groups = self.any.clone();
        let mut own = Vec::new();
        for (key, value) in pod.labels() {
            own.push(key);
            groups.extend(self.with(key, value));
        }
        for key in added.iter().filter(|key| !own.contains(*key)) {
            match added_label(pod, key) {
                Added::No => {}
                Added::Value(value) => groups.extend(self.with(key, value)),
                Added::Unknown => {
                    let by_value = self.by_label.get(*key).into_iter();
                    groups.extend(by_value.flat_map(HashMap::values).flatten());
                    groups.extend(self.by_key.get(*key).into_iter().flatten());
                }
            }
        }
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn with<'s>(&'s self, key: &str, value: &str) -> impl Iterator<Item = &'s usize> + use<'s> {
        let of_value = self.by_label.get(key).and_then(|by_value| by_value.get(value));
        of_value.into_iter().chain(self.by_key.get(key)).flatten()
    }
}

impl Derived for Index {
    const READS: Reads = &[&[kinds::NETWORK_POLICY]];

    fn make(cx: &View<'_>) -> Self {
        let mut index: HashMap<Option<String>, Builder> = HashMap::new();
        for (place, policy) in cx.list(kinds::NETWORK_POLICY).objects.into_iter().enumerate() {
            for name in [Some(policy.namespace().to_owned()), None] {
                index.entry(name).or_default().add(place, policy);
            }
        }
        Self(index.into_iter().map(|(name, built)| (name, Arc::new(built.made))).collect())
    }
}

#[derive(Default)]
struct Builder {
    made: OfNamespace,
    /// Groups by namespace and selector.
    known: HashMap<(String, String), usize>,
}

impl Builder {
    fn add(&mut self, place: usize, policy: &Object) {
        let Self { made, known } = self;
        let tell = |why: &str| format!("NetworkPolicy `{}` cannot be parsed: {why}", policy.name());
        if let Some(wrong) = wrong_type(policy) {
            let why = Why::from(wrong).told(tell);
            made.broken = [Some((place, why.clone())), Some((place, why))];
            return;
        }
        let both = [Direction::Ingress, Direction::Egress];
        if let Err(error) = pod_selector(policy) {
            let why = Why::from(error).told(tell);
            for direction in both.into_iter().filter(|d| applies_to(policy, *d)) {
                made.broken[at(direction)] = Some((place, why.clone()));
            }
            return;
        }
        let selector = policy.at(&["spec", "podSelector"]).map(to_json).unwrap_or_default();
        let key = (policy.namespace().to_owned(), selector);
        let group = *known.entry(key).or_insert_with(|| {
            let group = made.groups.len();
            made.groups.push(Group { of: [Vec::new(), Vec::new()] });
            match wanted(policy) {
                Some(Wanted::OneOf(key, values)) => {
                    let by_value = made.by_label.entry(key.to_owned()).or_default();
                    for value in values {
                        by_value.entry(value.to_owned()).or_default().push(group);
                    }
                }
                Some(Wanted::Any(key)) => {
                    made.by_key.entry(key.to_owned()).or_default().push(group);
                }
                None => made.any.push(group),
            }
            group
        });
        for direction in both.into_iter().filter(|d| applies_to(policy, *d)) {
            made.groups[group].of[at(direction)].push(place);
        }
    }
}

/// Returns the label that every pod selected by the policy has.
pub(super) fn wanted(policy: &Object) -> Option<Wanted<'_>> {
    if wrong_type(policy).is_some() || pod_selector(policy).is_err() {
        return None;
    }
    policy.at(&["spec", "podSelector"]).and_then(Wanted::of)
}

#[cfg(test)]
mod tests {
    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Snapshot, WorldParts};
    use pavisade_yaml::{Source, read};

    use super::super::pod_index::Near;
    use super::*;
    use crate::Described as _;
    use crate::network::vacuous_policy::VacuousPolicy;

    const SELECTORS: [&str; 11] = [
        "{}",
        "null",
        "{matchLabels: {app: a}}",
        "{matchLabels: {app: b, tier: x}}",
        "{matchLabels: {tier: x, app: b}}",
        "{matchLabels: {pod-template-hash: h, app: a}}",
        "{matchExpressions: [{key: app, operator: NotIn, values: [a]}]}",
        "{matchLabels: {app: 1}}",
        "{matchLabels: {app: a}, more: {}}",
        "{matchLabels: {job-name: j0}}",
        "{matchLabels: {statefulset.kubernetes.io/pod-name: s-0}}",
    ];
    const LABELS: [&str; 5] =
        ["{}", "{app: a}", "{app: b}", "{app: b, tier: x}", "{tier: z, pod-template-hash: i}"];

    fn object(text: &str) -> Object {
        let documents = read(&Source::new("t", text));
        let root = documents.docs[0].root();
        Object::new(root, root.str("apiVersion").unwrap(), root.str("kind").unwrap())
    }

    #[test]
    fn those_that_select_a_pod_are_those_found_by_looking_at_each() {
        let mut world = WorldParts::cluster("c");
        let complete = (kinds::NETWORK_POLICY.group.into(), kinds::NETWORK_POLICY.kind.into());
        world.coverage.insert(complete, Coverage::Complete);
        for (index, selector) in SELECTORS.iter().enumerate() {
            for namespace in ["ns", "other"] {
                world.objects.push(object(&format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p{index}, namespace: {namespace}}}, spec: {{podSelector: {selector}}}}}")));
            }
        }
        for (index, labels) in LABELS.iter().enumerate() {
            let spec = "{containers: [{name: c, image: i}]}";
            world.objects.push(object(&format!("{{apiVersion: v1, kind: Pod, metadata: {{name: q{index}, namespace: ns, labels: {labels}}}, spec: {spec}}}")));
            for (version, kind, name) in [
                ("apps/v1", "Deployment", "d"),
                ("apps/v1", "StatefulSet", "s"),
                ("batch/v1", "Job", "j"),
            ] {
                world.objects.push(object(&format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}{index}, namespace: ns}}, spec: {{template: {{metadata: {{labels: {labels}}}, spec: {spec}}}}}}}")));
            }
        }
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let world = &snapshot.worlds()[0];
        let meta = VacuousPolicy::META;
        let cx = View::of_check(world, &meta, KubernetesVersion::LATEST);
        let policies = cx.list_in(kinds::NETWORK_POLICY, "ns");
        for pod in world.objects().flat_map(Object::pods) {
            let taken = Selecting::of(pod, Direction::Ingress, &cx).policies();
            assert!(taken.is_sorted_by_key(|policy| policy.name()));
            for policy in &policies.objects {
                let does = pod_selector(policy)
                    .is_ok_and(|selector| selects(selector.as_ref(), "ns", pod) == Selects::Yes);
                let of_pod = taken.iter().any(|other| std::ptr::eq(*other, *policy));
                assert_eq!(of_pod, does, "{policy:?} for {:?}", pod.object());
                let may = pod_selector(policy)
                    .is_ok_and(|selector| selects(selector.as_ref(), "ns", pod) != Selects::No);
                let near = wanted(policy).map(|wanted| Near::of("ns", &cx).with(&wanted));
                let of_policy = near.is_none_or(|mut pods| {
                    pods.any(|other| std::ptr::eq(other.object(), pod.object()))
                });
                assert!(of_policy || !may, "{policy:?} for {:?}", pod.object());
            }
        }
    }

    /// [`Selecting::near`] compares each distinct selector only once.
    #[test]
    fn policies_with_the_same_selector_are_one_group() {
        let mut world = WorldParts::files("f", pavisade_snapshot::WorldKind::Files, Vec::new());
        for index in 0..100 {
            let label = if index == 50 { "b" } else { "a" };
            world.objects.push(object(&format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p{index}, namespace: ns}}, spec: {{podSelector: {{matchLabels: {{app: {label}}}}}}}}}")));
        }
        world.objects.push(object("{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: ns, labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}"));
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let world = &snapshot.worlds()[0];
        let meta = VacuousPolicy::META;
        let cx = View::of_check(world, &meta, KubernetesVersion::LATEST);
        let pod = world.objects().flat_map(Object::pods).next().unwrap();
        let parts = parts("ns", &cx);
        assert_eq!((parts[0].groups.len(), parts[0].near(pod).len()), (2, 1));
        assert_eq!(Selecting::of(pod, Direction::Ingress, &cx).policies().len(), 99);
    }
}
