//! PV-O045.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, find, text};
use crate::{Check, Cx, OnObject, Verdict};

/// Rollout replaces all pods at once
///
/// ## Why
/// `Recreate` or `maxUnavailable: 100%` stops all old pods before a new one is ready: every release
/// causes an outage, and a broken release causes one until it is rolled back.
///
/// ## Fix
/// Use `RollingUpdate` if two versions can run at the same time. A volume that only one node can
/// mount is a good reason for `Recreate`.
#[check(
    id = "PV-O045",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [DEPLOYMENT, DAEMON_SET, STATEFUL_SET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AbruptRollout {}

impl Check for AbruptRollout {
    type On = OnObject;

    fn check<'a>(&self, workload: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        judge(workload).unwrap_or_else(Verdict::from)
    }
}

fn judge(workload: &Object) -> Result<Verdict<'_>, WrongType<'_>> {
    let strategy = match workload.kind() {
        "Deployment" => "strategy",
        _ => "updateStrategy",
    };
    match text(workload.value(), &["spec", strategy, "type"])? {
        Some(("Recreate", kind)) => {
            return Ok(Verdict::fails(kind, "every release stops all pods before new ones start"));
        }
        Some(("OnDelete", _)) => return Ok(Verdict::Holds),
        _ => {}
    }
    let most = find(workload.value(), &["spec", strategy, "rollingUpdate", "maxUnavailable"])?;
    let all = most.filter(|most| {
        most.as_str()
            .and_then(|m| m.strip_suffix('%')?.parse::<u32>().ok())
            .is_some_and(|p| p >= 100)
    });
    Ok(match all {
        Some(most) => Verdict::fails(most, "a release may stop all pods at once"),
        None => Verdict::Holds,
    })
}
