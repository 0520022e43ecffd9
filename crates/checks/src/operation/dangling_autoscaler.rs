//! PV-O047.

use pavisade_macros::check;
use pavisade_model::{Gap, GroupKind, kinds};
use pavisade_snapshot::{Coverage, Object};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnObject, Place, Verdict, Why};

/// Autoscaler target does not exist
///
/// ## Why
/// The autoscaler scales nothing, so the workload does not scale under load. A common reason is
/// that the workload was renamed.
///
/// ## Fix
/// Correct `scaleTargetRef`, or remove the autoscaler.
#[check(
    id = "PV-O047",
    severity = Low,
    scope = Related,
    on = [HORIZONTAL_POD_AUTOSCALER],
    reads = [DEPLOYMENT, STATEFUL_SET, REPLICA_SET, REPLICATION_CONTROLLER]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DanglingAutoscaler {}

impl Check for DanglingAutoscaler {
    type On = OnObject;

    fn check<'a>(&self, scaler: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let target = |field: &str| scaler.at(&["spec", "scaleTargetRef", field])?.as_str();
        let (Some(kind), Some(name)) = (target("kind"), target("name")) else {
            let place = Place::field(scaler.value(), &["spec", "scaleTargetRef"]);
            return Verdict::unknown(place, "`scaleTargetRef` refers to no workload");
        };
        let place = Place::field(scaler.value(), &["spec", "scaleTargetRef", "name"]);
        let group =
            target("apiVersion").unwrap_or("").split_once('/').map_or("", |(group, _)| group);
        let Some(kind) = TARGETS.into_iter().find(|t| t.kind == kind && t.group == group) else {
            // A custom resource, which is not read.
            return Verdict::NotApplicable;
        };
        if cx.get(kind, scaler.namespace(), name).is_some() {
            return Verdict::Holds;
        }
        let there = cx.seen(kind);
        let missing = format!("{} `{name}` is not {}", kind.kind, there.scope());
        match (there.gap(), there.coverage) {
            (Some(why), _) => Verdict::unknown(place, why),
            (None, Coverage::Partial) => {
                let gap = Gap::object(kind.kind, scaler.namespace(), name);
                Verdict::unknown(
                    place,
                    Why::of(gap, format!("{missing}; it may exist in the cluster")),
                )
            }
            (None, _) => Verdict::fails(place, format!("{missing}: nothing is scaled")),
        }
    }
}

const TARGETS: [GroupKind; 4] =
    [kinds::DEPLOYMENT, kinds::STATEFUL_SET, kinds::REPLICA_SET, kinds::REPLICATION_CONTROLLER];
