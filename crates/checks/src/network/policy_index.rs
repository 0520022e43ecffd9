//! Which policies of a namespace may select a pod, without a look at each of them.

use std::collections::HashMap;

use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object, Pod};

use super::policy::{Added, added_keys, added_label, pod_selector, policies_near, wrong_type};
use crate::Cx;

/// The policies of all namespaces, by one label that each of them wants.
#[derive(Default)]
struct Index(HashMap<String, OfNamespace>);

/// Policies by their places among those of the namespace.
#[derive(Default)]
struct OfNamespace {
    /// Those that want no certain label, or cannot be read.
    any: Vec<usize>,
    /// By label, then by value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
}

/// The policies near a pod that may select it, in their order: others want a label that the pod has
/// not and cannot get, or another value of it.
pub(super) fn candidates<'a>(pod: Pod<'a>, cx: &Cx<'a>) -> Vec<&'a Object> {
    let namespace = pod.object().namespace();
    // In files, policies without a namespace count as well; there are few.
    if namespace.is_empty() || cx.coverage(kinds::NETWORK_POLICY) == Coverage::Partial {
        return policies_near(namespace, cx).objects;
    }
    let index = cx.derive(Index::of);
    let Some(of) = index.0.get(namespace) else { return Vec::new() };
    let Some(added) = added_keys(pod) else { return policies_near(namespace, cx).objects };
    let mut places = of.any.clone();
    for (key, value) in pod.labels() {
        places.extend(of.with(key, value));
    }
    let is_own = |key: &str| pod.labels().any(|(own, _)| own == key);
    for key in added.iter().filter(|key| !is_own(key)) {
        match added_label(pod, key) {
            Added::No => {}
            Added::Value(value) => places.extend(of.with(key, value)),
            Added::Unknown => {
                places
                    .extend(of.by_label.get(*key).into_iter().flat_map(HashMap::values).flatten());
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    let policy = |place| cx.nth_in(kinds::NETWORK_POLICY, namespace, place);
    places.into_iter().filter_map(policy).collect()
}

impl OfNamespace {
    fn with<'a>(&'a self, key: &str, value: &str) -> impl Iterator<Item = &'a usize> + use<'a> {
        self.by_label.get(key).and_then(|by_value| by_value.get(value)).into_iter().flatten()
    }
}

impl Index {
    fn of(cx: &Cx<'_>) -> Self {
        let mut index = Self::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let policies = cx.list(kinds::NETWORK_POLICY);
        for policy in &policies.objects {
            let place = places.entry(policy.namespace()).or_default();
            let of = index.0.entry(policy.namespace().to_owned()).or_default();
            match wanted(policy) {
                Some((key, value)) => {
                    let by_value = of.by_label.entry(key.to_owned()).or_default();
                    by_value.entry(value.to_owned()).or_default().push(*place);
                }
                None => of.any.push(*place),
            }
            *place += 1;
        }
        index
    }
}

/// A label that every pod has that the policy selects.
pub(super) fn wanted(policy: &Object) -> Option<(&str, &str)> {
    if wrong_type(policy).is_some() || pod_selector(policy).is_err() {
        return None;
    }
    let labels = policy.at(&["spec", "podSelector", "matchLabels"])?;
    labels.entries().find_map(|(key, value)| Some((key, value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Snapshot, WorldParts};
    use pavisade_yaml::{Source, read};

    use super::super::pod_index;
    use super::super::policy::{Selects, selects};
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
    fn none_that_may_select_a_pod_is_left_out() {
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
        let now = Timestamp::UNIX_EPOCH;
        let meta = VacuousPolicy::META;
        let cx = Cx::new(world, &meta, KubernetesVersion::LATEST, now);
        let policies = policies_near("ns", &cx);
        let mut needless = (0, 0);
        for pod in world.objects().flat_map(Object::pods) {
            let taken = candidates(pod, &cx);
            assert!(taken.is_sorted_by_key(|policy| policy.name()));
            for policy in &policies.objects {
                let may = pod_selector(policy)
                    .map_or(true, |selector| selects(selector.as_ref(), "ns", pod) != Selects::No);
                let of_pod = taken.iter().any(|other| std::ptr::eq(*other, *policy));
                let of_policy = pod_index::candidates(policy, &cx).is_none_or(|pods| {
                    pods.iter().any(|other| std::ptr::eq(other.object(), pod.object()))
                });
                for (is_taken, needless) in
                    [(of_pod, &mut needless.0), (of_policy, &mut needless.1)]
                {
                    assert!(is_taken || !may, "{policy:?} for {:?}", pod.object());
                    *needless += usize::from(is_taken && !may);
                }
            }
        }
        // `{app: b, tier: x}` of pods with `app: b` alone; `NotIn [a]` of pods with `app: a`.
        assert_eq!(needless, (8, 8));
    }
}
