//! PV-C026.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::{ContainerKind, Pod};
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Containers share a process namespace
///
/// ## Why
/// A container can read the command lines of the others. If it runs as the same user, it can also
/// read their environment and, through `/proc/PID/root`, their files including mounted secrets. It
/// can send signals to their processes.
///
/// ## Fix
/// Remove `shareProcessNamespace: true`. For debugging, use `kubectl debug --target`. To reap
/// zombie processes, use a small init process in the image.
#[check(id = "PV-C026", severity = Low, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedProcessNamespace {}

impl Check for SharedProcessNamespace {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let place = match boolean(pod.spec(), &["shareProcessNamespace"]) {
            Ok(Some((true, place))) => place,
            Ok(_) => return Verdict::Holds,
            Err(wrong) => return wrong.into(),
        };
        let lasting = pod.containers().filter(|c| c.kind() != ContainerKind::Init);
        let names: Vec<_> = lasting.map(|c| format!("`{}`", c.name())).collect();
        match &names[..] {
            [] | [_] => Claim::fails(
                place,
                "containers that are injected or attached later share processes with this one",
            )
            .confidence(Confidence::Medium)
            .remove()
            .into(),
            _ => {
                let message = format!("containers {} see each other's processes", names.join(", "));
                names.into_iter().fold(Claim::fails(place, message), Claim::evidence).into()
            }
        }
    }
}
