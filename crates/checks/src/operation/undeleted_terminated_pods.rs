//! PV-O025.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Terminated pods are never deleted
///
/// ## Why
/// Terminated pods stay in etcd. With a threshold of 0 or less, they are not garbage-collected: a
/// Job that is started repeatedly fills the database until the API server stops.
///
/// ## Fix
/// Remove `--terminated-pod-gc-threshold`, which defaults to 12500, or set it to a number above 0.
#[check(
    id = "PV-O025",
    severity = Low,
    scope = Object,
    programs = [ControllerManager],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UndeletedTerminatedPods {}

impl Check for UndeletedTerminatedPods {
    type On = OnComponent;

    fn check<'a>(&self, manager: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        manager.judged("kube-controller-manager", judge)
    }
}

fn judge(manager: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "terminated-pod-gc-threshold";
    // The default is 12500.
    let Some(threshold) = manager.known(FLAG)? else { return Ok(Verdict::Holds) };
    match threshold.value.parse::<i64>() {
        Ok(number) if number > 0 => Ok(Verdict::Holds),
        Ok(number) => {
            let message = format!("with `--{FLAG}={number}`, terminated pods are never deleted");
            let claim = Claim::fails(manager.place(FLAG), message);
            Ok(claim.changes(manager.remove_flag(FLAG)).into())
        }
        Err(_) => {
            let why = format!("`--{FLAG}={}` is not a number", threshold.value);
            Err(Claim::unknown(manager.place(FLAG), why))
        }
    }
}
