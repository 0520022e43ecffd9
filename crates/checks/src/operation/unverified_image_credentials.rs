//! PV-O035.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Image pull credentials are not verified
///
/// ## Why
/// An image that one tenant pulled with credentials is cached on the node. With `NeverVerify`, any
/// other pod on the node can run and read it with `imagePullPolicy: IfNotPresent`, without those
/// credentials.
///
/// ## Fix
/// Remove `imagePullCredentialsVerificationPolicy` (as of 1.35, the default verifies all images
/// except those that were preloaded on the node), or set `AlwaysVerify`.
#[check(
    id = "PV-O035",
    severity = Medium,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiedImageCredentials {}

impl Check for UnverifiedImageCredentials {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const POLICY: Setting = Setting { path: &["imagePullCredentialsVerificationPolicy"], flag: "" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    let Some(policy) = POLICY.text(part, cx)? else {
        // The default applies since the version in which the feature is enabled.
        return if cx.kubernetes().at_least(35) { Ok(None) } else { Err(Verdict::NotApplicable) };
    };
    match &*policy {
        "NeverVerify" => {}
        "NeverVerifyPreloadedImages" | "NeverVerifyAllowlistedImages" | "AlwaysVerify" => {
            return Ok(None);
        }
        other => {
            let why = format!("`{other}` is not a valid verification policy");
            return Err(Verdict::unknown(POLICY.place(part), why));
        }
    }
    let message = "any pod can use images on the node, whoever pulled them with credentials";
    Ok(Some(POLICY.fails(part, message).changes(POLICY.remove(part))))
}
