//! PV-O033.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Static pods are loaded over plain HTTP
///
/// ## Why
/// Static pods bypass admission control: an attacker between the kubelet and that address can run
/// any pod on the node, even a privileged one.
///
/// ## Fix
/// Use an `https` address, or files in `staticPodPath` on the node.
#[check(
    id = "PV-O033",
    severity = High,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InsecureStaticPodUrl {}

impl Check for InsecureStaticPodUrl {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const URL: Setting = Setting { path: &["staticPodURL"], flag: "manifest-url" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    let Some(url) = URL.text(part, cx)? else { return Ok(None) };
    if !url.to_ascii_lowercase().starts_with("http://") {
        return Ok(None);
    }
    let message = format!("the kubelet runs the pods that `{url}` returns, without TLS");
    Ok(Some(URL.fails(part, message)))
}
