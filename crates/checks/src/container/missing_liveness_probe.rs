//! PV-C035.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::judge_missing;
use crate::{Check, Cx, OnContainer, Verdict};

/// Containers that nobody notices when they hang.
///
/// ## Why
/// The kubelet starts a container again when its process ends, not when it is stuck: without a
/// liveness probe a program in a deadlock stays as it is.
///
/// ## Fix
/// Set a `livenessProbe` that asks the program alone, and none of the services that it needs.
#[check(id = "PV-C035", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingLivenessProbe {}

impl Check for MissingLivenessProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let without = "has no liveness probe: nobody notices when it hangs";
        judge_missing(container, "livenessProbe", without)
    }
}
