//! PV-O010.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Controllers share credentials
///
/// ## Why
/// Without a separate identity for each controller, all of them have the permissions of all others:
/// a vulnerability in one affects all, and the audit log cannot tell them apart.
///
/// ## Fix
/// Set `--use-service-account-credentials=true` (as kubeadm does; the default is false).
#[check(
    id = "PV-O010",
    severity = Medium,
    scope = Object,
    programs = [ControllerManager],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedControllerCredentials {}

impl Check for SharedControllerCredentials {
    type On = OnComponent;

    fn check<'a>(&self, manager: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        const FLAG: &str = "use-service-account-credentials";
        if manager.name() != "kube-controller-manager" {
            return Verdict::NotApplicable;
        }
        match manager.known_bool(FLAG, false) {
            Ok(true) => Verdict::Holds,
            Ok(false) => Claim::fails(
                manager.place(FLAG),
                "`--use-service-account-credentials` is not true: all controllers share one \
                 identity",
            )
            .changes(manager.set_flag(FLAG, "true"))
            .into(),
            Err(claim) => claim.into(),
        }
    }
}
