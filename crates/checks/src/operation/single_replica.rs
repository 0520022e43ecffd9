//! PV-O044.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::budget::scale;
use crate::field::integer;
use crate::fragment::is_fragment;
use crate::{Check, Cx, OnObject, Place, Verdict};

/// Single replica
///
/// ## Why
/// Every upgrade of its node, every eviction and every crash causes an outage.
///
/// ## Fix
/// Run at least two replicas and spread them across nodes, if the program supports this.
#[check(
    id = "PV-O044",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [DEPLOYMENT, STATEFUL_SET],
    reads = [HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SingleReplica {}

impl Check for SingleReplica {
    type On = OnObject;

    fn check<'a>(&self, workload: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if is_fragment(workload) {
            return Verdict::NotApplicable;
        }
        let replicas = match integer(workload.value(), &["spec", "replicas"]) {
            Ok(replicas) => replicas.map(|(number, _)| number),
            Err(wrong) => return wrong.into(),
        };
        let place = Place::field(workload.value(), &["spec", "replicas"]);
        match scale(workload, cx) {
            Ok(None) => {}
            Ok(Some(scale)) => {
                let goes_to = |number: &str| {
                    Verdict::fails(
                        place.clone(),
                        format!("its autoscaler can scale down to {number}"),
                    )
                };
                return match scale.least {
                    Some(0) => goes_to("no pods"),
                    // `replicas: 0` disables the HorizontalPodAutoscaler.
                    Some(1) if replicas != Some(0) => goes_to("one pod"),
                    Some(_) => Verdict::Holds,
                    None => Verdict::unknown(place, "the minimum of its autoscaler is not known"),
                };
            }
            Err(why) => return Verdict::unknown(place, why),
        }
        if replicas.is_some_and(|number| number != 1) {
            return Verdict::Holds;
        }
        let message = match replicas {
            Some(_) => "it runs a single pod",
            None => "`replicas` is not set and defaults to 1: it runs a single pod",
        };
        Verdict::fails(place, message)
    }
}
