//! PV-C036.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::judge_missing;
use crate::{Check, Cx, OnContainer, Verdict};

/// Containers that get requests before they can answer them.
///
/// ## Why
/// Without a readiness probe a pod counts as ready as soon as its process runs: a roll-out goes on
/// although the new version answers nothing, and Services send requests to it.
///
/// ## Fix
/// Set a `readinessProbe` that succeeds when the program can serve.
#[check(id = "PV-C036", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingReadinessProbe {}

impl Check for MissingReadinessProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let without = "has no readiness probe: it gets requests before it can answer them";
        judge_missing(container, "readinessProbe", without)
    }
}
