//! PV-O044.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::budget::autoscaler;
use crate::field::integer;
use crate::fragment::is_fragment;
use crate::{Check, Cx, OnObject, Place, Verdict};

/// Workloads that run one pod only.
///
/// ## Why
/// Every upgrade of its node, every eviction and every crash is an outage of the service.
///
/// ## Fix
/// Run at least two replicas and spread them over nodes, where the program can do that.
#[check(
    id = "PV-O044",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [DEPLOYMENT, STATEFUL_SET],
    reads = [HORIZONTAL_POD_AUTOSCALER]
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
        if replicas.is_some_and(|number| number != 1) {
            return Verdict::Holds;
        }
        let place = Place::field(workload.value(), &["spec", "replicas"]);
        match autoscaler(workload, cx) {
            Ok(None) => {}
            Ok(Some(scaler)) => {
                let least = scaler.at(&["spec", "minReplicas"]).and_then(|m| m.as_i64());
                if least.is_some_and(|least| least > 1) {
                    return Verdict::Holds;
                }
                let message = "its autoscaler goes down to one pod";
                return Verdict::fails(place, message);
            }
            Err(why) => return Verdict::unknown(place, why),
        }
        let message = match replicas {
            Some(_) => "it runs a single pod",
            None => "`replicas` is not set and is 1 by default: it runs a single pod",
        };
        Verdict::fails(place, message)
    }
}
