//! Disruption budgets and autoscalers beside the workloads that they mean.

use pavisade_model::{GroupKind, kinds};
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
    let field = match autoscaler(workload, cx) {
        Ok(Some(scaler)) => scaler.at(&["spec", "maxReplicas"]),
        Ok(None) => workload.at(&["spec", "replicas"]).filter(|replicas| !replicas.is_null()),
        Err(why) => return Err(Claim::unknown(place(), why)),
    };
    let Some(field) = field else { return Ok(1) };
    let number = field.as_i64().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| {
        Claim::unknown(place(), format!("how many pods `{}` has is not known", workload.name()))
    })
}

/// The autoscaler of a workload; an error says why it is not known whether there is one.
pub(super) fn autoscaler<'a>(workload: &Object, cx: &Cx<'a>) -> Result<Option<&'a Object>, String> {
    const KIND: GroupKind = kinds::HORIZONTAL_POD_AUTOSCALER;
    let scalers = cx.list(KIND);
    let of = |scaler: &&&Object| {
        let target = |field: &str| scaler.at(&["spec", "scaleTargetRef", field])?.as_str();
        scaler.namespace() == workload.namespace()
            && target("kind") == Some(workload.kind())
            && target("name") == Some(workload.name())
    };
    match (scalers.objects.iter().find(of), scalers.gap()) {
        (Some(scaler), _) => Ok(Some(scaler)),
        (None, Some(why)) => Err(why),
        (None, None) => Ok(None),
    }
}
