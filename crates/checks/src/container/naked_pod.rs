//! PV-C050.

use pavisade_macros::check;
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::lasts;
use crate::{Check, Cx, OnObject, Place, Verdict, component};

/// Pod without a controller
///
/// ## Why
/// A pod without a controller is not recreated when its node fails or is drained, and a rollout
/// does not update its image.
///
/// ## Fix
/// Create the pod with a Deployment, StatefulSet, DaemonSet or Job.
#[check(id = "PV-C050", severity = Low, audience = Strict, scope = Object, on = [POD])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NakedPod {}

impl Check for NakedPod {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let control_plane = |pod: Pod<'_>| component::is_control_plane(pod, cx.world_kind());
        let phase = object.at(&["status", "phase"]).and_then(Value::as_str);
        let Some(pod) = object.pods().next() else { return Verdict::NotApplicable };
        if object.is_mirror_pod()
            || control_plane(pod)
            || !lasts(pod)
            // Helm creates and deletes it.
            || object.annotation("helm.sh/hook").is_some()
            || matches!(phase, Some("Succeeded" | "Failed"))
        {
            return Verdict::NotApplicable;
        }
        let owners = object.at(&["metadata", "ownerReferences"]).into_iter().flat_map(Value::items);
        if owners.into_iter().next().is_some() {
            return Verdict::Holds;
        }
        let place = Place::field(object.value(), &["kind"]);
        Verdict::fails(place, "no controller recreates the pod when its node fails")
    }
}
