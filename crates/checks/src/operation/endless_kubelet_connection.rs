//! PV-O030.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::field::text;
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// No idle timeout for kubelet connections
///
/// ## Why
/// `kubectl exec`, `attach` and `port-forward` keep a stream open. With a timeout of 0, a forgotten
/// stream, such as a shell in a container, stays open forever, and many of them use up the
/// connections of the node.
///
/// ## Fix
/// Remove `--streaming-connection-idle-timeout`, which defaults to 4 hours, or set a shorter
/// timeout. In the kubelet configuration file, 0 means the default.
#[check(
    id = "PV-O030",
    severity = Low,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndlessKubeletConnection {}

impl Check for EndlessKubeletConnection {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const TIMEOUT: Setting = Setting {
    path: &["streamingConnectionIdleTimeout"],
    flag: "streaming-connection-idle-timeout",
};

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    if let Part::File(file) = part {
        // Zero is the default there (kubelet's `SetDefaults_KubeletConfiguration`). A number is not
        // a duration.
        text(file.value(), TIMEOUT.path)?;
        return Ok(None);
    }
    match TIMEOUT.text(part, cx)? {
        Some(time) if is_zero(&time) => {}
        _ => return Ok(None),
    }
    let message = format!("{} is 0: idle connections are never closed", TIMEOUT.name(part));
    Ok(Some(TIMEOUT.fails(part, message).changes(TIMEOUT.remove(part))))
}

/// Whether it is `0`, `0s`, `0h0m0s`.
fn is_zero(duration: &str) -> bool {
    duration.starts_with('0') && !duration.contains(|c: char| ('1'..='9').contains(&c))
}
