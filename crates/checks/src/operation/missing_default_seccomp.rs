//! PV-O037.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// No default seccomp profile
///
/// ## Why
/// Without `seccompDefault`, containers without a profile can use every system call, and most
/// container escapes start with one that ordinary programs do not need.
///
/// ## Fix
/// Set `seccompDefault: true`, so that containers without a profile use `RuntimeDefault`. Try it on
/// a few nodes first.
#[check(
    id = "PV-O037",
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
pub(crate) struct MissingDefaultSeccomp {}

impl Check for MissingDefaultSeccomp {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const DEFAULT: Setting = Setting { path: &["seccompDefault"], flag: "seccomp-default" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    // The feature is enabled by default since 1.25.
    if !cx.kubernetes().at_least(25) {
        return Err(Verdict::NotApplicable);
    }
    if DEFAULT.boolean(part, cx)? == Some(true) {
        return Ok(None);
    }
    let name = DEFAULT.name(part);
    let message =
        format!("{name} is not true: containers without a seccomp profile are unconfined");
    Ok(Some(DEFAULT.fails(part, message).changes(DEFAULT.set(part, true))))
}
