//! PV-C032.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::resources::{Asked, judge};
use crate::{Check, Cx, OnContainer, Verdict};

/// Missing CPU or memory request
///
/// ## Why
/// The scheduler assumes that a container needs nothing that it does not request. Nodes become
/// overcommitted, and under pressure such pods are throttled and evicted first.
///
/// ## Fix
/// Set `resources.requests`, or a default with a `LimitRange` in the namespace.
#[check(
    id = "PV-C032",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [LIMIT_RANGE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingResourceRequest {}

impl Check for MissingResourceRequest {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let asked = |resource, name| Asked { section: "requests", resource, name, of_pod: true };
        let all = [asked("cpu", "CPU request"), asked("memory", "memory request")];
        Verdict::all(all.map(|asked| judge(container, cx, asked)))
    }
}
