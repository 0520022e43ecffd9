//! PV-O028.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet overrides kernel parameters
///
/// ## Why
/// Without `protectKernelDefaults`, the kubelet sets kernel parameters (such as
/// `vm.overcommit_memory` and `kernel.panic`) to the values that it needs, and silently overrides
/// those of the administrator.
///
/// ## Fix
/// Set the parameters on the node to the values that the kubelet expects, then set
/// `protectKernelDefaults: true`. If they differ, the kubelet does not start.
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
        format!("{} is not true: the kubelet overrides kernel parameters", PROTECT.name(part));
    Ok(Some(PROTECT.fails(part, message).changes(PROTECT.set(part, true))))
}
