//! PV-C034.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::resources::{Asked, judge};
use crate::{Check, Cx, OnContainer, Verdict};

/// No ephemeral storage limit
///
/// ## Why
/// Logs, the writable layer and `emptyDir` volumes use the disk of the node. A program that fills
/// it causes the kubelet to evict other pods.
///
/// ## Fix
/// Set `resources.limits.ephemeral-storage`, or a default with a `LimitRange` in the namespace.
#[check(
    id = "PV-C034",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [LIMIT_RANGE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedEphemeralStorage {}

impl Check for UnlimitedEphemeralStorage {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let asked = Asked {
            section: "limits",
            resource: "ephemeral-storage",
            name: "ephemeral storage limit",
            of_pod: false,
        };
        judge(container, cx, asked)
    }
}
