//! Which policies of a namespace may select a pod, without a look at each of them.

use std::collections::HashMap;

use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object, Pod};

use super::policy::{pod_selector, wrong_type};
use crate::{Cx, Listing};

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

/// Those of `policies` that may select the pod, in their order: others want a value of a label
/// of which the pod has another value.
pub(super) fn candidates<'a>(policies: &Listing<'a>, pod: Pod<'_>, cx: &Cx<'a>) -> Vec<&'a Object> {
    let namespace = pod.object().namespace();
    // In files, policies without a namespace count as well; there are few.
    if namespace.is_empty() || policies.coverage == Coverage::Partial {
        return policies.objects.clone();
    }
    let index = cx.derive(Index::of);
    let Some(OfNamespace { any, by_label }) = index.0.get(namespace) else {
        return Vec::new();
    };
    let mut places = any.clone();
    for (key, by_value) in by_label {
        match pod.labels().find(|(own, _)| own == key) {
            Some((_, value)) => places.extend(by_value.get(value).into_iter().flatten()),
            // A controller may add the label.
            None => places.extend(by_value.values().flatten()),
        }
    }
    places.sort_unstable();
    places.into_iter().filter_map(|place| policies.objects.get(place).copied()).collect()
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
fn wanted(policy: &Object) -> Option<(&str, &str)> {
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

    use super::super::policy::{Selects, policies_near, selects};
    use super::*;
    use crate::Described as _;
    use crate::network::unrestricted_ingress::UnrestrictedIngress;

    const SELECTORS: [&str; 9] = [
        "{}",
        "null",
        "{matchLabels: {app: a}}",
        "{matchLabels: {app: b, tier: x}}",
        "{matchLabels: {tier: x, app: b}}",
        "{matchLabels: {pod-template-hash: h, app: a}}",
        "{matchExpressions: [{key: app, operator: NotIn, values: [a]}]}",
        "{matchLabels: {app: 1}}",
        "{matchLabels: {app: a}, more: {}}",
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
            world.objects.push(object(&format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d{index}, namespace: ns}}, spec: {{template: {{metadata: {{labels: {labels}}}, spec: {spec}}}}}}}")));
        }
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let world = &snapshot.worlds()[0];
        let now = Timestamp::UNIX_EPOCH;
        let cx = Cx::new(world, &UnrestrictedIngress::META, KubernetesVersion::LATEST, now);
        let mut left_out = 0;
        for pod in world.objects().flat_map(Object::pods) {
            let policies = policies_near("ns", &cx);
            let taken = candidates(&policies, pod, &cx);
            assert!(taken.is_sorted_by_key(|policy| policy.name()));
            for policy in &policies.objects {
                let may = pod_selector(policy).map_or(true, |selector| {
                    selects(selector.as_ref(), "ns", pod) == Selects::Yes
                        || pod.labels().all(|(key, _)| key != "app" && key != "tier")
                });
                let is_taken = taken.iter().any(|other| std::ptr::eq(*other, *policy));
                assert!(is_taken || !may, "{policy:?} for {:?}", pod.object());
                left_out += usize::from(!is_taken);
            }
        }
        assert_eq!(left_out, 10);
    }
}
