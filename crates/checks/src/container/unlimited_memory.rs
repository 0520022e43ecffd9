//! PV-C021.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::resources::{Asked, judge};
use crate::{Check, Cx, OnContainer, Verdict};

/// No memory limit
///
/// ## Why
/// A memory leak or large requests can use up all memory of the node, so that other pods are killed
/// or evicted.
///
/// ## Fix
/// Set `resources.limits.memory`, or a default with a `LimitRange` in the namespace.
#[check(id = "PV-C021", severity = Low, scope = Related, reads = [LIMIT_RANGE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnlimitedMemory {}

impl Check for UnlimitedMemory {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let asked =
            Asked { section: "limits", resource: "memory", name: "memory limit", of_pod: true };
        judge(container, cx, asked)
    }
}
