//! PV-C044.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::text;
use crate::{Check, Cx, OnPod, Verdict};

/// Workloads that rank with the cluster's own components.
///
/// ## Why
/// A pod of a `system-` class pushes all others off their nodes, and is evicted after them all. For
/// what the cluster itself needs (network, DNS, storage drivers) that is right; a workload that
/// ranks so keeps others from running.
///
/// ## Fix
/// Use a `PriorityClass` of your own, below the system classes.
#[check(id = "PV-C044", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SystemPriority {}

impl Check for SystemPriority {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let class = match text(pod.spec(), &["priorityClassName"]) {
            Ok(class) => class.filter(|(class, _)| class.starts_with("system-")),
            Err(wrong) => return wrong.into(),
        };
        let Some((class, place)) = class else { return Verdict::Holds };
        match pod.object().namespace() {
            "kube-system" => Verdict::Holds,
            "" => Verdict::unknown(
                place,
                format!(
                    "the pod ranks as `{class}`, and which namespace it belongs to is not said"
                ),
            ),
            namespace => Verdict::fails(
                place,
                format!("the pod ranks as `{class}` in namespace `{namespace}`"),
            ),
        }
    }
}
