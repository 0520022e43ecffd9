//! PV-C033.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::resources::{Asked, judge};
use crate::{Check, Cx, OnContainer, Verdict};

/// Containers without a limit of CPU.
///
/// ## Why
/// A miner, or a loop that does not end, takes whatever of the node others have not requested. A
/// limit also slows a program down that has a reason to run fast, so that many do without.
///
/// ## Fix
/// Set `resources.limits.cpu`, or a default by a `LimitRange` in the namespace.
#[check(
    id = "PV-C033",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [LIMIT_RANGE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedCpu {}

impl Check for UnlimitedCpu {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let asked = Asked { section: "limits", resource: "cpu", name: "CPU limit", of_pod: true };
        judge(container, cx, asked)
    }
}
