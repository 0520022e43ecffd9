//! PV-O026.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// No pod PID limit
///
/// ## Why
/// Process IDs are a resource of the whole node: a single pod that keeps forking leaves none for
/// other pods, for the kubelet, or for an administrator who wants to log in and stop it.
///
/// ## Fix
/// Set `podPidsLimit` in the kubelet configuration to what your largest pod needs (4096 is a common
/// choice). The default, -1, is no limit.
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
        Some(limit) => format!("{name} is {limit}: a pod can start any number of processes"),
        None => format!("{name} is not set: a pod can start any number of processes"),
    };
    Ok(Some(LIMIT.fails(part, message)))
}
