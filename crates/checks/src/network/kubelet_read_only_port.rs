//! PV-N022.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Kubelets that serve their read-only port.
///
/// ## Why
/// The port asks for no credentials: whoever reaches the node reads the specifications of its
/// pods, with their environment variables, and their metrics.
///
/// ## Fix
/// Remove `readOnlyPort` (0, off, is the default of the file; without a file it is 10255), or set
/// `--read-only-port=0`, and read through the kubelet's own port, with a token.
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
            format!("the kubelet serves pods and metrics on port `{port}` to anybody")
        }
        // Without a file the old default counts (the kubelet's `applyLegacyDefaults`).
        (None, Part::Component(_)) => "without a file of settings the kubelet serves pods and \
                                       metrics on port `10255` to anybody"
            .to_owned(),
    };
    Ok(Some(PORT.fails(part, message).changes(PORT.set(part, 0))))
}
