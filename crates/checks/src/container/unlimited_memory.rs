//! PV-C021.

use pavisade_macros::check;
use pavisade_model::{Confidence, kinds};
use pavisade_snapshot::{Container, ContainerKind, Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::find;
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict, image};

/// Containers without a limit of memory.
///
/// ## Why
/// A leak, or somebody who sends large requests, takes the whole node's memory: other pods are
/// killed or evicted.
///
/// ## Fix
/// Set `resources.limits.memory`, or a default by a `LimitRange` in the namespace.
#[check(id = "PV-C021", severity = Low, scope = Related, reads = [LIMIT_RANGE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedMemory {}

const MEMORY: [&str; 3] = ["resources", "limits", "memory"];

impl Check for UnlimitedMemory {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        if container.kind() == ContainerKind::Ephemeral {
            // The API refuses resources there; they live within the pod's.
            return Verdict::NotApplicable;
        }
        let name = container.name();
        let own = find(container.value(), &MEMORY);
        let of_pod = find(container.pod().spec(), &MEMORY);
        let (own, of_pod) = match (own, of_pod) {
            (Ok(own), Ok(of_pod)) => (own, of_pod),
            (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
        };
        if let Some(value) = own {
            return match limit(value) {
                Limit::Some => Verdict::Holds,
                Limit::Zero => Verdict::fails(
                    value,
                    format!("the memory limit of container `{name}` is 0, which means none"),
                ),
                Limit::Unclear => Verdict::unknown(value, "the memory limit is no quantity"),
            };
        }
        let place = Place::field(container.value(), &MEMORY);
        // Limits of the whole pod: KEP-2837, alpha in 1.32, on by default from 1.34.
        let of_pod = of_pod.map(|v| (v, limit(v)));
        match of_pod {
            Some((_, Limit::Some)) if cx.kubernetes().at_least(34) => return Verdict::Holds,
            Some((_, Limit::Some)) if cx.kubernetes().at_least(32) => {
                let why = "the pod's own limit counts only where PodLevelResources is switched on";
                return Verdict::unknown(place, why);
            }
            Some((value, Limit::Unclear)) => {
                return Verdict::unknown(value, "the memory limit is no quantity");
            }
            _ => {}
        }
        if image::is_injected(container) {
            let why = "Istio's injection webhook fills in this container's resources";
            return Verdict::unknown(place, why);
        }
        let object = container.pod().object();
        let ranges = cx.list_in(kinds::LIMIT_RANGE, object.namespace());
        // A running pod already has what a LimitRange gave it.
        let is_running = object.is(kinds::POD) && ranges.coverage == Coverage::Complete;
        if !is_running {
            if ranges.objects.iter().any(|range| gives_memory(range)) {
                return Verdict::Holds;
            }
            if let Some(why) = ranges.gap() {
                return Verdict::unknown(place, why);
            }
        }
        let claim = Claim::fails(place, format!("container `{name}` has no memory limit"));
        match ranges.coverage {
            Coverage::Complete | Coverage::NotServed => claim,
            _ => claim.confidence(Confidence::Medium),
        }
        .into()
    }
}

/// Whether a LimitRange gives containers a limit of memory: `default`, and where that is absent
/// `max` (k8s.io/kubernetes/pkg/apis/core/v1, SetDefaults_LimitRangeItem).
fn gives_memory(range: &Object) -> bool {
    let items = range.at(&["spec", "limits"]);
    let mut of_containers = items
        .into_iter()
        .flat_map(Value::items)
        .filter(|item| item.str("type") == Some("Container"));
    of_containers.any(|item| {
        let given = |field| item.at(&[field, "memory"]).filter(|v| !v.is_null());
        given("default").or_else(|| given("max")).is_some_and(|v| matches!(limit(v), Limit::Some))
    })
}

enum Limit {
    Some,
    Zero,
    Unclear,
}

/// Reads a quantity (k8s.io/apimachinery/pkg/api/resource) as far as zero or more.
fn limit(value: Value<'_>) -> Limit {
    const SUFFIXES: [&str; 16] =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let Some(text) = value.scalar_text() else { return Limit::Unclear };
    let text = text.strip_prefix('+').unwrap_or(&text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|e| e.parse::<i32>().is_ok());
    let dots = number.bytes().filter(|b| *b == b'.').count();
    if number.len() == dots || dots > 1 || !(exponent || SUFFIXES.contains(&suffix)) {
        Limit::Unclear
    } else if number.bytes().all(|b| matches!(b, b'0' | b'.')) {
        Limit::Zero
    } else {
        Limit::Some
    }
}
