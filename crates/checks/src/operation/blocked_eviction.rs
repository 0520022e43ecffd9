//! PV-O042.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::budget::{budgets_near, pods_of, replicas, selected, selector_of, selects};
use crate::{Check, Claim, Cx, OnObject, Place, Reads, Verdict, View};

/// PodDisruptionBudget blocks all evictions
///
/// ## Why
/// Nodes are drained with evictions before they are upgraded or replaced. A budget that never
/// allows an eviction blocks this: the node keeps its old kernel and kubelet, or someone deletes
/// the pods by force, without the protection of the budget.
///
/// ## Fix
/// Set `maxUnavailable: 1` and run at least two replicas. For a single replica, remove the budget.
/// Make sure that no two budgets select the same pods, because then neither allows an eviction.
#[check(
    id = "PV-O042",
    severity = Low,
    scope = Related,
    on = [POD_DISRUPTION_BUDGET],
    reads = [..WORKLOADS, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BlockedEviction {}

impl Check for BlockedEviction {
    type On = OnObject;

    fn check<'a>(&self, budget: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        match judge(budget, cx).unwrap_or_else(Verdict::from) {
            failed @ Verdict::Fails(_) => failed,
            other => second_budget(budget, cx).map_or(other, Verdict::from),
        }
    }
}

fn judge<'a>(budget: &'a Object, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let of = |field: &str| budget.at(&["spec", field]).filter(|value| !value.is_null());
    if let Some(most) = of("maxUnavailable") {
        return Ok(match Amount::read(most)? {
            Amount::Pods(0) | Amount::Percent(0) => {
                Verdict::fails(most, "`maxUnavailable` is 0: no pod can be evicted")
            }
            _ => Verdict::Holds,
        });
    }
    let Some(least) = of("minAvailable") else {
        // The controller then expects no pods, and without expected pods allows no disruption
        // (k8s.io/kubernetes/pkg/controller/disruption, updatePdbStatus).
        let message = "neither `minAvailable` nor `maxUnavailable` is set: no pod can be evicted";
        return Ok(match of("selector") {
            Some(_) => {
                Verdict::fails(Place::field(budget.value(), &["spec", "maxUnavailable"]), message)
            }
            // It selects nothing.
            None => Verdict::Holds,
        });
    };
    let amount = Amount::read(least)?;
    let place = Place::field(budget.value(), &["spec", "minAvailable"]);
    if matches!(amount, Amount::Percent(100..)) {
        return Ok(Verdict::fails(place, "`minAvailable` is 100%: no pod can be evicted"));
    }
    if matches!(amount, Amount::Pods(0) | Amount::Percent(0)) {
        return Ok(Verdict::Holds);
    }
    let pods = pods(budget, cx)?;
    let needed = match amount {
        Amount::Pods(number) => number,
        // Rounded up, as by the disruption controller.
        Amount::Percent(percent) => (percent * pods).div_ceil(100),
    };
    if pods == 0 || needed < pods {
        return Ok(Verdict::Holds);
    }
    let message = format!(
        "{needed} of {pods} pods must be available: with that number of replicas, none can be \
         evicted"
    );
    Ok(Verdict::fails(place, message))
}

const BUDGETS: Reads = &[&[kinds::POD_DISRUPTION_BUDGET]];

/// Returns a claim for another budget of the same pods: the API server does not evict a pod with
/// two budgets (kubernetes/kubernetes#75957).
fn second_budget<'a>(budget: &'a Object, cx: &View<'a>) -> Option<Claim<'a>> {
    let namespace = budget.namespace();
    let is_alone =
        cx.memo::<Amount, _, _>(BUDGETS, namespace.to_owned(), namespace, |cx, namespace| {
            cx.list_in(kinds::POD_DISRUPTION_BUDGET, namespace).objects.len() < 2
        });
    if is_alone {
        return None;
    }
    let place = Place::field(budget.value(), &["spec", "selector"]);
    // Budgets with the same selector select the same pods.
    let found = cx.memo::<Claim<'static>, _, _>(
        &[kinds::WORKLOADS, &[kinds::POD_DISRUPTION_BUDGET]],
        selector_of(budget),
        budget,
        twice_selected,
    );
    let Some((pod, names)) = found else {
        let why = kinds::WORKLOADS.iter().find_map(|kind| cx.gap(*kind))?;
        return Some(Claim::unknown(place, why));
    };
    let other = names.iter().find(|name| *name != budget.name())?;
    let message = format!(
        "budget `{other}` also selects pods of {pod}: the API server does not evict a pod that \
         has two budgets"
    );
    Some(Claim::fails(place, message).advice("Let only one budget select these pods."))
}

/// Returns the first workload whose pods are selected by this and another budget, and the first two
/// budgets.
fn twice_selected<'a>(cx: &View<'a>, budget: &'a Object) -> Option<(String, Vec<String>)> {
    pods_of(budget, cx).into_iter().find_map(|pod| {
        let near = budgets_near(pod, cx).into_iter().filter(|other| selects(other, pod)).take(2);
        let names: Vec<_> = near.map(|budget| budget.name().to_owned()).collect();
        let pod = format!("{} `{}`", pod.object().kind(), pod.object().name());
        (names.len() > 1).then_some((pod, names))
    })
}

#[derive(Clone, Copy)]
enum Amount {
    Pods(u64),
    Percent(u64),
}

impl Amount {
    fn read(value: Value<'_>) -> Result<Self, Claim<'_>> {
        let number = value.as_i64().and_then(|number| u64::try_from(number).ok());
        let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse().ok());
        let read = number.map(Self::Pods).or(percent.map(Self::Percent));
        read.ok_or_else(|| Claim::unknown(value, "this is not a number or a percentage"))
    }
}

/// Returns the maximum number of pods selected by the budget.
fn pods<'a>(budget: &'a Object, cx: &View<'a>) -> Result<u64, Claim<'a>> {
    // The result is the same for budgets with the same selector.
    let known = cx.memo::<BlockedEviction, _, _>(
        &[kinds::WORKLOADS, &[kinds::HORIZONTAL_POD_AUTOSCALER, kinds::SCALED_OBJECT]],
        selector_of(budget),
        budget,
        |cx, budget| sum(budget, cx).ok(),
    );
    known.map_or_else(|| sum(budget, cx), Ok)
}

fn sum<'a>(budget: &'a Object, cx: &View<'a>) -> Result<u64, Claim<'a>> {
    let selected = selected(budget, cx)?;
    if selected.is_empty() {
        let place = Place::field(budget.value(), &["spec", "selector"]);
        if !cx.may_be_incomplete() {
            return Ok(0);
        }
        let why = "this budget selects nothing in these files";
        let gap = Gap::object("Pod", budget.namespace(), "");
        return Err(Claim::unknown(place, why).gap(gap));
    }
    let mut sum = 0;
    for workload in selected {
        sum += replicas(workload, cx)?;
    }
    Ok(sum)
}
