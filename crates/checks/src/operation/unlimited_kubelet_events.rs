//! PV-O027.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// No limit for kubelet events
///
/// ## Why
/// With `eventRecordQPS: 0` there is no limit: a pod that crashes in a loop makes each node send
/// events as fast as possible, which puts load on the API server and etcd.
///
/// ## Fix
/// Remove `eventRecordQPS` (the default is 50 per second; before 1.27 it was 5), or set it to what
/// your monitoring needs.
#[check(
    id = "PV-O027",
    severity = Low,
    audience = Strict,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedKubeletEvents {}

impl Check for UnlimitedKubeletEvents {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const RATE: Setting = Setting { path: &["eventRecordQPS"], flag: "event-qps" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    if RATE.integer(part, cx)? != Some(0) {
        return Ok(None);
    }
    let message = format!("{} is 0: the kubelet sends events without a limit", RATE.name(part));
    Ok(Some(RATE.fails(part, message).changes(RATE.remove(part))))
}
