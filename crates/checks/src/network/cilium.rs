//! Which pods a Cilium policy cannot select. What its rules allow is not modelled.

use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::{Kind, Value};

use super::policy::{Added, added_label};

/// Whether none of the policy's rules selects the pod (docs.cilium.io, Rule Basics: a rule holds for
/// the endpoints whose labels its `endpointSelector` matches).
pub(super) fn cannot_select(policy: &Object, pod: Pod<'_>) -> bool {
    let spec = policy.at(&["spec"]).filter(|spec| !spec.is_null());
    let specs = policy.at(&["specs"]).filter(|specs| !specs.is_null());
    if specs.is_some_and(|specs| specs.kind() != Kind::Sequence) || (spec, specs) == (None, None) {
        return false;
    }
    let rules = spec.into_iter().chain(specs.into_iter().flat_map(Value::items));
    rules.into_iter().all(|rule| excludes(rule, pod))
}

/// Whether a rule wants a label that the pod has not and cannot get.
fn excludes(rule: Value<'_>, pod: Pod<'_>) -> bool {
    let Some(selector) = rule.get("endpointSelector") else { return false };
    let labels = selector.get("matchLabels").into_iter().flat_map(Value::entries);
    let mut labels = labels.filter_map(|(key, value)| Some((key, vec![value.as_str()?])));
    let mut expressions = selector.list("matchExpressions").filter_map(|expression| {
        let values: Vec<_> = expression.list("values").filter_map(Value::as_str).collect();
        match expression.str("operator")? {
            "In" => Some((expression.str("key")?, Some(values))),
            "Exists" => Some((expression.str("key")?, None)),
            // What Cilium leaves out of an endpoint's labels meets these, whatever the pod has.
            _ => None,
        }
    });
    labels.any(|(key, values)| lacks(pod, key, Some(&values)))
        || expressions.any(|(key, values)| lacks(pod, key, values.as_deref()))
}

/// Whether the pod has no such label, or none of these values.
fn lacks(pod: Pod<'_>, key: &str, values: Option<&[&str]>) -> bool {
    let key = ["k8s:", "any:"].iter().find_map(|source| key.strip_prefix(source)).unwrap_or(key);
    // Labels of other sources, and those that Cilium makes from the namespace and the account.
    if key.contains(':') || key.starts_with("io.kubernetes.") || key.starts_with("io.cilium.") {
        return false;
    }
    let own = pod.labels().find(|(own, _)| *own == key).map(|(_, value)| value);
    match (own, values) {
        (Some(own), Some(values)) => !values.contains(&own),
        (Some(_), None) => false,
        (None, _) => matches!(added_label(pod, key), Added::No),
    }
}
