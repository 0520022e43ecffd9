//! An index of policies, so that not every policy has to be examined: policies of a namespace with
//! the same selector are a group, and groups are indexed by a label they require.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::kinds;
use pavisade_netpol::{Direction, Policy, Selector};
use pavisade_snapshot::{Coverage, Label, Object, Pod, Selects};

use super::pod_index::Wanted;
use super::subject::{is_subject, wrong};
use crate::{Derived, Reads, View, Why};

/// The policies by namespace, and all of them under `None`.
#[derive(Default)]
struct Index {
    by_namespace: HashMap<Option<String>, Arc<OfNamespace>>,
    /// All of them, in the order of the list.
    policies: Vec<Arc<Policy>>,
}

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
    namespace: String,
    subject: Selector,
    /// The policies that apply to each direction.
    of: [Vec<usize>; 2],
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
        let (direction, cx) = (self.direction.place(), self.cx);
        // The last unclear policy is reported.
        let mut unclear = part.broken[direction].clone();
        for group in part.near(pod) {
            let Group { namespace, subject, of } = &part.groups[group];
            let Some(last) = of[direction].last() else { continue };
            match is_subject(subject, namespace, pod) {
                Selects::No => {}
                Selects::Yes => {
                    self.key.push((Arc::as_ptr(part) as usize, group));
                    self.groups.push((part.clone(), group));
                }
                Selects::Maybe if unclear.as_ref().is_none_or(|(place, _)| place < last) => {
                    let name = cx.nth(kinds::NETWORK_POLICY, *last).map_or("", Object::name);
                    let why = match namespace == pod.object().namespace() {
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
    pub(super) fn policies(&self) -> Vec<Arc<Policy>> {
        let first = self.groups.first().map(|(part, _)| Arc::as_ptr(part));
        let places = self.groups.iter().flat_map(|(part, group)| {
            let of = &part.groups[*group].of[self.direction.place()];
            of.iter().map(move |place| (Some(Arc::as_ptr(part)) != first, *place))
        });
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        let all = self.cx.derive::<Index>();
        places.iter().filter_map(|(_, place)| all.policies.get(*place).cloned()).collect()
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
    names.into_iter().filter_map(|name| index.by_namespace.get(&name).cloned()).collect()
}

impl OfNamespace {
    /// Returns the groups that may select a pod. Others require a label, or a value of it, that the
    /// pod does not have and cannot get.
    fn near(&self, pod: Pod<'_>) -> Vec<usize> {
        let Some(added) = pod.added_labels() else { return (0..self.groups.len()).collect() };
        let mut groups = self.any.clone();
        let mut own = Vec::new();
        for (key, value) in pod.labels() {
            own.push(key);
            groups.extend(self.with(key, value));
        }
        for key in added.iter().filter(|key| !own.contains(*key)) {
            match pod.added_label(key) {
                Label::Absent => {}
                Label::Is(value) => groups.extend(self.with(key, value)),
                Label::Unknown => {
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
        let mut policies = Vec::new();
        for (place, object) in cx.list(kinds::NETWORK_POLICY).objects.into_iter().enumerate() {
            let policy = Policy::network(object, "");
            for name in [Some(policy.namespace.clone()), None] {
                index.entry(name).or_default().add(place, object, &policy);
            }
            policies.push(Arc::new(policy));
        }
        let built = index.into_iter().map(|(name, built)| (name, Arc::new(built.made)));
        Self { by_namespace: built.collect(), policies }
    }
}

#[derive(Default)]
struct Builder {
    made: OfNamespace,
    /// Groups by namespace and selector.
    known: HashMap<(String, Selector), usize>,
}

impl Builder {
    fn add(&mut self, place: usize, object: &Object, policy: &Policy) {
        let Self { made, known } = self;
        if let Some(wrong) = wrong(object, policy) {
            let tell =
                |why: &str| format!("NetworkPolicy `{}` cannot be parsed: {why}", object.name());
            let why = Why::from(wrong).told(tell);
            // An unreadable selector alone leaves it clear which directions are restricted.
            let unselected = policy.subject.requirements().is_none() && policy.flaws.len() == 1;
            for direction in Direction::BOTH {
                if !unselected || policy.of(direction).is_some() {
                    made.broken[direction.place()] = Some((place, why.clone()));
                }
            }
            return;
        }
        let key = (policy.namespace.clone(), policy.subject.clone());
        let group = *known.entry(key).or_insert_with(|| {
            let group = made.groups.len();
            match Wanted::of_policy(&policy.subject) {
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
            made.groups.push(Group {
                namespace: policy.namespace.clone(),
                subject: policy.subject.clone(),
                of: [Vec::new(), Vec::new()],
            });
            group
        });
        for direction in Direction::BOTH.into_iter().filter(|d| policy.of(*d).is_some()) {
            made.groups[group].of[direction.place()].push(place);
        }
    }
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
            let names: Vec<_> = taken.iter().map(|policy| policy.object.name()).collect();
            assert!(names.is_sorted());
            for object in &policies.objects {
                let policy = Policy::network(object, "");
                let selects = match wrong(object, &policy) {
                    Some(_) => Selects::No,
                    None => is_subject(&policy.subject, "ns", pod),
                };
                let of_pod = names.contains(&object.name());
                assert_eq!(of_pod, selects == Selects::Yes, "{object:?} for {:?}", pod.object());
                let may = selects != Selects::No;
                let near = Wanted::of_policy(&policy.subject);
                let near = near.map(|wanted| Near::of("ns", &cx).with(&wanted));
                let of_policy = near.is_none_or(|mut pods| {
                    pods.any(|other| std::ptr::eq(other.object(), pod.object()))
                });
                assert!(of_policy || !may, "{object:?} for {:?}", pod.object());
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
