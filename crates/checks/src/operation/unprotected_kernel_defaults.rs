//! PV-O028.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// A kubelet that changes kernel settings in silence.
///
/// ## Why
/// Without `protectKernelDefaults` the kubelet sets kernel parameters (`vm.overcommit_memory`,
/// `kernel.panic` and others) to what it needs, whatever the node's administrator chose, and nobody
/// sees that the two disagree.
///
/// ## Fix
/// Set the parameters on the node as the kubelet wants them, then `protectKernelDefaults: true`;
/// where they differ the kubelet does not start.
#[check(
    id = "PV-O028",
    severity = Low,
    audience = Strict,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnprotectedKernelDefaults {}

impl Check for UnprotectedKernelDefaults {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const PROTECT: Setting =
    Setting { path: &["protectKernelDefaults"], flag: "protect-kernel-defaults" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    if PROTECT.boolean(part, cx)? == Some(true) {
        return Ok(None);
    }
    let message =
        format!("{} is not true: the kubelet changes kernel settings", PROTECT.name(part));
    Ok(Some(PROTECT.fails(part, message).changes(PROTECT.set(part, true))))
}
