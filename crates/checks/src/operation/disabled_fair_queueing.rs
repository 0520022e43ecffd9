//! PV-O039.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server that does not share its time fairly.
///
/// ## Why
/// API Priority and Fairness keeps a place for nodes, controllers and leader elections. Without it
/// one client that sends too much, or a ServiceAccount that was stolen, holds up everybody else,
/// the cluster's own controllers among them.
///
/// ## Fix
/// Remove `--enable-priority-and-fairness=false`; the default is true. Give noisy clients a
/// FlowSchema of their own.
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
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(server).unwrap_or_else(Verdict::from)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "enable-priority-and-fairness";
    if server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = "`--enable-priority-and-fairness=false`: one client may hold up all others";
    let claim = Claim::fails(server.place(FLAG), message);
    Ok(claim.changes(server.remove_flag(FLAG)).into())
}
