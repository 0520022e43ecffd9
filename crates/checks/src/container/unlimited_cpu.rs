//! PV-C033.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::resources::{Asked, judge};
use crate::{Check, Cx, OnContainer, Verdict};

/// No CPU limit
///
/// ## Why
/// A cryptominer or an endless loop can use all CPU time of the node that other containers have not
/// requested. A limit can also throttle programs that need bursts, so many clusters do without one.
///
/// ## Fix
/// Set `resources.limits.cpu`, or a default with a `LimitRange` in the namespace.
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
