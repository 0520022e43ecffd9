//! PV-O043.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Coverage, Object};
use schemars::JsonSchema;
use serde::Deserialize;

use super::budget::{budgets_near, selects};
use crate::field::integer;
use crate::fragment::is_fragment;
use crate::{Check, Cx, OnObject, Place, Verdict, Why};

/// No PodDisruptionBudget
///
/// ## Why
/// When nodes are drained one after the other, all replicas may be evicted at the same time: the
/// service is down despite its replicas.
///
/// ## Fix
/// Add a PodDisruptionBudget with `maxUnavailable: 1` that selects the pods.
#[check(
    id = "PV-O043",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [DEPLOYMENT, STATEFUL_SET],
    reads = [POD_DISRUPTION_BUDGET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingDisruptionBudget {}

impl Check for MissingDisruptionBudget {
    type On = OnObject;

    fn check<'a>(&self, workload: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if is_fragment(workload) {
            return Verdict::NotApplicable;
        }
        let replicas = match integer(workload.value(), &["spec", "replicas"]) {
            Ok(replicas) => replicas.map_or(1, |(number, _)| number),
            Err(wrong) => return wrong.into(),
        };
        let Some(pod) = workload.pods().next() else { return Verdict::NotApplicable };
        if replicas < 2 {
            return Verdict::NotApplicable;
        }
        let budgets = cx.seen(kinds::POD_DISRUPTION_BUDGET);
        if budgets_near(pod, cx).iter().any(|budget| selects(budget, pod)) {
            return Verdict::Holds;
        }
        let place = Place::field(workload.value(), &["spec", "replicas"]);
        let none =
            format!("no PodDisruptionBudget for these {replicas} pods is {}", budgets.scope());
        match (budgets.gap(), budgets.coverage) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Coverage::Partial) => {
                let gap = Gap::object("PodDisruptionBudget", workload.namespace(), "");
                Verdict::unknown(
                    place,
                    Why::of(gap, format!("{none}; there may be one in the cluster")),
                )
            }
            (None, _) => {
                Verdict::fails(place, format!("{none}: all can be evicted at the same time"))
            }
        }
    }
}
