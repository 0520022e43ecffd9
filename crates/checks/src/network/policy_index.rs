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
