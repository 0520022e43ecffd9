//! PV-O026.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// A kubelet that lets a pod start any number of processes.
///
/// ## Why
/// Process numbers are a resource of the whole node: one pod that forks without end, by mistake or
/// on purpose, leaves none for the others, for the kubelet and for whoever wants to log in and stop
/// it.
///
/// ## Fix
/// Set `podPidsLimit` in the kubelet's configuration to what your largest pod needs (4096 is a
/// common choice); the default, -1, is no limit.
#[check(
    id = "PV-O026",
    severity = Low,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedPodPids {}

impl Check for UnlimitedPodPids {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const LIMIT: Setting = Setting { path: &["podPidsLimit"], flag: "pod-max-pids" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    let name = LIMIT.name(part);
    let message = match LIMIT.integer(part, cx)? {
        Some(limit) if limit > 0 => return Ok(None),
        Some(limit) => format!("{name} is {limit}: a pod may start any number of processes"),
        None => format!("{name} is not set: a pod may start any number of processes"),
    };
    Ok(Some(LIMIT.fails(part, message)))
}
