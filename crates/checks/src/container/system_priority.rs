//! PV-C044.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::text;
use crate::{Check, Cx, OnPod, Verdict};

/// Workload uses a system priority class
///
/// ## Why
/// A pod with a `system-` priority class preempts all others and is evicted last. This is right for
/// components that the cluster needs (network, DNS, storage drivers), but other workloads with this
/// priority can prevent them from running.
///
/// ## Fix
/// Use your own `PriorityClass` with a lower value than the system classes.
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
                format!("the pod uses priority class `{class}`, and its namespace is not known"),
            ),
            namespace => Verdict::fails(
                place,
                format!("the pod uses priority class `{class}` in namespace `{namespace}`"),
            ),
        }
    }
}
