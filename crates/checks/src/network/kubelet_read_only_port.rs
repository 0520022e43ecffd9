//! PV-N022.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelet read-only port is enabled
///
/// ## Why
/// The port requires no credentials: anyone who can reach the node can read the specifications of
/// its pods, including environment variables, and their metrics.
///
/// ## Fix
/// Remove `readOnlyPort` (the default in the configuration file is 0, which disables it; without a
/// file it is 10255), or set `--read-only-port=0`. Use the authenticated port of the kubelet with a
/// token.
#[check(
    id = "PV-N022",
    severity = High,
    scope = Related,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION],
    reads = [KUBELET_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletReadOnlyPort {}

impl Check for KubeletReadOnlyPort {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const PORT: Setting = Setting { path: &["readOnlyPort"], flag: "read-only-port" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    let message = match (PORT.integer(part, cx)?, part) {
        (Some(0), _) | (None, Part::File(_)) => return Ok(None),
        (Some(port), _) => {
            format!("the kubelet serves pods and metrics on port `{port}` without authentication")
        }
        // Without a file, the legacy default applies (the kubelet's `applyLegacyDefaults`).
        (None, Part::Component(_)) => "without a configuration file, the kubelet serves pods and \
                                       metrics on port `10255` without authentication"
            .to_owned(),
    };
    Ok(Some(PORT.fails(part, message).changes(PORT.set(part, 0))))
}
