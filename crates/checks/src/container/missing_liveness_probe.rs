//! PV-C035.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::judge_missing;
use crate::{Check, Cx, OnContainer, Verdict};

/// No liveness probe
///
/// ## Why
/// The kubelet restarts a container whose process exits, but not one that hangs. Without a liveness
/// probe, a deadlocked program is never restarted.
///
/// ## Fix
/// Set a `livenessProbe` that checks only the program itself, not the services that it depends on.
#[check(id = "PV-C035", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingLivenessProbe {}

impl Check for MissingLivenessProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let without = "has no liveness probe, so it is not restarted when it hangs";
        judge_missing(container, "livenessProbe", without)
    }
}
