//! Disruption budgets and autoscalers beside the workloads that they mean.

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod, Selector};
use pavisade_yaml::Value;

use crate::{Claim, Cx, Place};

/// Whether a budget selects a pod of its own namespace.
pub(super) fn selects(budget: &Object, pod: Pod<'_>) -> bool {
    let selector = budget.at(&["spec", "selector"]).filter(|selector| !selector.is_null());
    let Some(Ok(selector)) = selector.map(Selector::read) else { return false };
    // The empty selector of policy/v1beta1 selects nothing, that of v1 everything.
    (!selector.is_empty() || budget.version() != "v1beta1")
        && selector.matches(|key| pod.labels().find(|(k, _)| *k == key).map(|(_, value)| value))
}

/// The workloads whose pods a budget selects; what another workload made is not counted twice.
///
/// The check must read all workloads.
pub(super) fn selected<'a>(budget: &'a Object, cx: &Cx<'a>) -> Result<Vec<&'a Object>, Claim<'a>> {
    if let Some(why) = kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind)) {
        return Err(Claim::unknown(Place::field(budget.value(), &["spec", "selector"]), why));
    }
    let all =
        kinds::WORKLOADS.iter().flat_map(|kind| cx.list_in(*kind, budget.namespace()).objects);
    let own = all.filter(|workload| {
        let owners = workload.at(&["metadata", "ownerReferences"]);
        owners.into_iter().flat_map(Value::items).next().is_none()
    });
    Ok(own.filter(|workload| workload.pods().any(|pod| selects(budget, pod))).collect())
}

/// The most pods that a workload may run; a claim where that is not in its text.
///
/// The check must read autoscalers.
pub(super) fn replicas<'a>(workload: &'a Object, cx: &Cx<'a>) -> Result<u64, Claim<'a>> {
    let place = || Place::field(workload.value(), &["metadata", "name"]);
    let scalable = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];
    match workload.kind() {
        "Pod" => return Ok(1),
        kind if scalable.contains(&kind) => {}
        kind => {
            let why = format!("how many pods {kind} `{}` has is not known", workload.name());
            return Err(Claim::unknown(place(), why));
        }
    }
    let unknown =
        || Claim::unknown(place(), format!("how many pods `{}` has is not known", workload.name()));
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

/// Between which numbers of pods an autoscaler keeps a workload, its defaults included; none where
/// a field does not say.
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

    /// KEDA's defaults are 0 and 100 (kedacore/keda, `ScaledObjectSpec`). While it is paused at a
    /// number, that is how many there are.
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

/// The limits of a workload's autoscaler; an error says why it is not known whether there is one.
/// KEDA's comes first: in a cluster KEDA makes an autoscaler for it, which cannot say 0.
///
/// The check must read both kinds.
pub(super) fn scale(workload: &Object, cx: &Cx<'_>) -> Result<Option<Scale>, String> {
    let mut gap = None;
    for kind in [kinds::SCALED_OBJECT, kinds::HORIZONTAL_POD_AUTOSCALER] {
        let scalers = cx.list_in(kind, workload.namespace());
        let of = |scaler: &&&Object| {
            let target = |field: &str| scaler.at(&["spec", "scaleTargetRef", field])?.as_str();
            // KEDA's field may be left out.
            target("kind").unwrap_or("Deployment") == workload.kind()
                && target("name") == Some(workload.name())
        };
        if let Some(scaler) = scalers.objects.iter().find(of) {
            let scale = match kind == kinds::SCALED_OBJECT {
                true => Scale::of_scaled_object(scaler),
                false => Scale::of_autoscaler(scaler),
            };
            return gap.map_or(Ok(Some(scale)), Err);
        }
        gap = gap.or(scalers.gap());
    }
    gap.map_or(Ok(None), Err)
}
