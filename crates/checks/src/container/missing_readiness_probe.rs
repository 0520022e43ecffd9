//! PV-C036.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::probe::judge_missing;
use crate::{Check, Cx, OnContainer, Verdict};

/// No readiness probe
///
/// ## Why
/// Without a readiness probe, a pod is ready as soon as its process runs. Services send requests to
/// it before it can answer, and a rollout continues even if the new version does not work.
///
/// ## Fix
/// Set a `readinessProbe` that succeeds when the program can serve requests.
#[check(id = "PV-C036", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingReadinessProbe {}

impl Check for MissingReadinessProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let without = "has no readiness probe, so it may receive requests before it can answer \
                       them";
        judge_missing(container, "readinessProbe", without)
    }
}
