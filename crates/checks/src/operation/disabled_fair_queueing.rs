//! PV-O039.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API Priority and Fairness is disabled
///
/// ## Why
/// API Priority and Fairness reserves capacity for nodes, controllers and leader election. Without
/// it, a single client or a stolen ServiceAccount token can block everyone else, including the
/// controllers of the cluster.
///
/// ## Fix
/// Remove `--enable-priority-and-fairness=false`. The default is true. Create a FlowSchema for
/// clients that send many requests.
#[check(
    id = "PV-O039",
    severity = Low,
    scope = Object,
    programs = [ApiServer],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DisabledFairQueueing {}

impl Check for DisabledFairQueueing {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "enable-priority-and-fairness";
    if server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = "`--enable-priority-and-fairness=false`: a single client can block all others";
    let claim = Claim::fails(server.place(FLAG), message);
    Ok(claim.changes(server.remove_flag(FLAG)).into())
}
