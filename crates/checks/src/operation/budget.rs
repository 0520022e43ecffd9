//! Disruption budgets and autoscalers, and the workloads they apply to.

use std::collections::BTreeSet;

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod, Selector};
use pavisade_yaml::{Value, to_json};

use crate::network::pod_index::{Near, Wanted};
use crate::{Claim, Place, View, Why};

/// Whether a budget selects a pod of its own namespace.
pub(super) fn selects(budget: &Object, pod: Pod<'_>) -> bool {
    let selector = budget.at(&["spec", "selector"]).filter(|selector| !selector.is_null());
    let Some(Ok(selector)) = selector.map(Selector::read) else { return false };
    // The empty selector selects nothing in policy/v1beta1, and everything in v1.
    (!selector.is_empty() || budget.version() != "v1beta1")
        && selector.matches(|key| pod.labels().find(|(k, _)| *k == key).map(|(_, value)| value))
}

/// Returns the workloads whose pods a budget selects, without those created by another workload.
///
/// The check must read all workloads.
pub(super) fn selected<'a>(
    budget: &'a Object,
    cx: &View<'a>,
) -> Result<Vec<&'a Object>, Claim<'a>> {
    if let Some(why) = kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
        return Err(Claim::unknown(Place::field(budget.value(), &["spec", "selector"]), why));
    }
    let mut own: Vec<_> = pods_of(budget, cx).into_iter().map(Pod::object).collect();
    own.dedup_by(|a, b| std::ptr::eq(*a, *b));
    own.retain(|workload| {
        let owners = workload.at(&["metadata", "ownerReferences"]);
        owners.into_iter().flat_map(Value::items).next().is_none()
    });
    Ok(own)
}

/// Returns the pods that a budget selects, in the order of workloads.
///
/// The check must read all workloads.
pub(super) fn pods_of<'a>(budget: &'a Object, cx: &View<'a>) -> Vec<Pod<'a>> {
    let wanted = budget.at(&["spec", "selector"]).and_then(Wanted::of);
    let mut pods: Vec<_> = match wanted {
        Some(wanted) => Near::within(budget.namespace(), cx).with(&wanted).collect(),
        None => {
            let all = kinds::WORKLOADS.iter();
            let all = all.flat_map(|kind| cx.list_in(*kind, budget.namespace()).objects);
            all.flat_map(Object::pods).collect()
        }
    };
    pods.retain(|pod| selects(budget, *pod));
    pods
}

/// Returns the budgets in a pod's namespace that may select it, in order.
pub(super) fn budgets_near<'a>(pod: Pod<'a>, cx: &View<'a>) -> Vec<&'a Object> {
    let namespace = pod.object().namespace();
    let labels = pod.labels().flat_map(|(key, value)| {
        [format!("{namespace} {key}={value}"), format!("{namespace} {key}")]
    });
    let keys = labels.chain([format!("{namespace} ")]);
    let of = |key: String| cx.indexed::<Budgets>(kinds::POD_DISRUPTION_BUDGET, wanted_by, &key);
    let mut budgets: Vec<_> = keys.flat_map(of).collect();
    budgets.sort_by_key(|budget| budget.name());
    budgets
}

/// The index of budgets by namespace and a label that they require.
struct Budgets;

fn wanted_by(budget: &Object) -> Vec<String> {
    let namespace = budget.namespace();
    match budget.at(&["spec", "selector"]).and_then(Wanted::of) {
        Some(Wanted::OneOf(key, values)) => {
            let values: BTreeSet<_> = values.into_iter().collect();
            values.into_iter().map(|value| format!("{namespace} {key}={value}")).collect()
        }
        Some(Wanted::Any(key)) => vec![format!("{namespace} {key}")],
        None => vec![format!("{namespace} ")],
    }
}

/// Identifies the pods of a budget: budgets with the same result select the same pods.
pub(super) fn selector_of(budget: &Object) -> String {
    let selector = budget.at(&["spec", "selector"]).map(to_json).unwrap_or_default();
    format!("{} {} {selector}", budget.namespace(), budget.version())
}

/// Returns the maximum number of pods of a workload, or a claim if it is not in its text.
///
/// The check must read autoscalers.
pub(super) fn replicas<'a>(workload: &'a Object, cx: &View<'a>) -> Result<u64, Claim<'a>> {
    let place = || Place::field(workload.value(), &["metadata", "name"]);
    let scalable = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];
    match workload.kind() {
        "Pod" => return Ok(1),
        kind if scalable.contains(&kind) => {}
        kind => {
            let why = format!("the number of pods of {kind} `{}` is not known", workload.name());
            return Err(Claim::unknown(place(), why));
        }
    }
    let unknown = || {
        Claim::unknown(place(), format!("the number of pods of `{}` is not known", workload.name()))
    };
    match scale(workload, cx) {
        Ok(Some(scale)) => return scale.most.ok_or_else(unknown),
        Ok(None) => {}
        Err(why) => return Err(Claim::unknown(place(), why)),
    }
    match workload.at(&["spec", "replicas"]).filter(|replicas| !replicas.is_null()) {
        Some(field) => count(field).ok_or_else(unknown),
        None => Ok(1),
    }
}

/// The minimum and maximum number of pods that an autoscaler sets, including defaults. `None` if a
/// field does not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
}

impl Scale {
    fn of_autoscaler(scaler: &Object) -> Self {
        let of = |field: &str| scaler.at(&["spec", field]).filter(|value| !value.is_null());
        Self {
            least: of("minReplicas").map_or(Some(1), count),
            most: of("maxReplicas").and_then(count),
        }
    }

    /// Reads a KEDA object. The defaults are 0 and 100 (kedacore/keda, `ScaledObjectSpec`). While
    /// paused with a number of replicas, that number applies.
    fn of_scaled_object(scaler: &Object) -> Self {
        if let Some(paused) = scaler.annotation("autoscaling.keda.sh/paused-replicas") {
            let number = paused.parse().ok();
            return Self { least: number, most: number };
        }
        let of = |field: &str| scaler.at(&["spec", field]).filter(|value| !value.is_null());
        Self {
            least: of("minReplicaCount").map_or(Some(0), count),
            most: of("maxReplicaCount").map_or(Some(100), count),
        }
    }
}

fn count(value: Value<'_>) -> Option<u64> {
    value.as_i64().and_then(|number| u64::try_from(number).ok())
}

/// Returns the limits of a workload's autoscaler. The error is the reason why it is not known
/// whether there is one. KEDA takes precedence: in a cluster, KEDA creates an autoscaler for it,
/// which cannot have 0.
///
/// The check must read both kinds.
pub(super) fn scale(workload: &Object, cx: &View<'_>) -> Result<Option<Scale>, Why> {
    let key = target(workload.namespace(), workload.kind(), workload.name());
    let keda = cx.indexed::<ScaledObjects>(kinds::SCALED_OBJECT, scaled, &key);
    if let Some(scaler) = keda.first() {
        return Ok(Some(Scale::of_scaled_object(scaler)));
    }
    let kind = kinds::HORIZONTAL_POD_AUTOSCALER;
    let own = cx.indexed::<Autoscalers>(kind, scaled, &key);
    if let Some(why) = cx.gap(kinds::SCALED_OBJECT) {
        return Err(why);
    }
    match own.first() {
        Some(scaler) => Ok(Some(Scale::of_autoscaler(scaler))),
        None => cx.gap(kind).map_or(Ok(None), Err),
    }
}

/// The index of KEDA objects by their targets.
struct ScaledObjects;
/// The index of autoscalers by their targets.
struct Autoscalers;

fn target(namespace: &str, kind: &str, name: &str) -> String {
    format!("{namespace} {kind} {name}")
}

fn scaled(scaler: &Object) -> Vec<String> {
    let field = |field: &str| scaler.at(&["spec", "scaleTargetRef", field])?.as_str();
    let Some(name) = field("name") else { return Vec::new() };
    // The field is optional in KEDA.
    vec![target(scaler.namespace(), field("kind").unwrap_or("Deployment"), name)]
}
