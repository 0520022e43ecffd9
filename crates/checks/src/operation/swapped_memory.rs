//! PV-O038.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet::{Judged, Setting, verdict};
use crate::{Check, Cx, OnControlPlane, Part, Verdict, View};

/// Container memory can be swapped to disk
///
/// ## Why
/// With `LimitedSwap`, memory of containers may be written to disk, including keys and passwords.
/// Kubernetes does not check that the swap is encrypted.
///
/// ## Fix
/// Set `memorySwap.swapBehavior: NoSwap` (the default), or encrypt the swap.
#[check(
    id = "PV-O038",
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
pub(crate) struct SwappedMemory {}

impl Check for SwappedMemory {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        verdict(judge(part, cx))
    }
}

const BEHAVIOR: Setting = Setting { path: &["memorySwap", "swapBehavior"], flag: "" };

fn judge<'a>(part: Part<'a>, cx: &View<'a>) -> Judged<'a> {
    match BEHAVIOR.text(part, cx)?.as_deref() {
        Some("LimitedSwap" | "UnlimitedSwap") => {}
        None | Some("" | "NoSwap") => return Ok(None),
        Some(other) => {
            let why = format!("`{other}` is not a valid swap behavior");
            return Err(Verdict::unknown(BEHAVIOR.place(part), why));
        }
    }
    let claim = BEHAVIOR.fails(part, "memory of containers may be written to swap on the node");
    Ok(Some(claim.changes(BEHAVIOR.set(part, "NoSwap"))))
}
