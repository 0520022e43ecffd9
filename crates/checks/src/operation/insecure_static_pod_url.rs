//! PV-O033.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// A kubelet that takes static pods from an address without TLS.
///
/// ## Why
/// Static pods pass no admission: whoever sits between the kubelet and that address runs any pod on
/// the node, with every privilege.
///
/// ## Fix
/// Use an `https` address, or files in `staticPodPath` on the node itself.
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
    let message = format!("the kubelet runs whatever pods `{url}` names, read without TLS");
    Ok(Some(URL.fails(part, message)))
}
