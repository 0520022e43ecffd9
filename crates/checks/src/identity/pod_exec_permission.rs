//! PV-I006.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role can run commands in pods
///
/// ## Why
/// Anyone who can run a command in a pod, attach to it or add an ephemeral container can read its
/// Secrets and use its ServiceAccount.
///
/// ## Fix
/// Remove `pods/exec`, `pods/attach` and `pods/ephemeralcontainers`, or grant them for a limited
/// time in the namespace that needs them.
#[check(
    id = "PV-I006",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PodExecPermission {}

const EXEC: Resource = Resource::new("", "pods/exec");
const ATTACH: Resource = Resource::new("", "pods/attach");
const EPHEMERAL: Resource = Resource::new("", "pods/ephemeralcontainers");

impl Check for PodExecPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // A WebSocket needs `get`. Since 1.35, the API server requires `create` too (feature gate
        // AuthorizePodWebsocketUpgradeCreatePermission).
        let connect: &[_] = match cx.kubernetes().at_least(35) {
            true => &["create"],
            false => &["create", "get"],
        };
        judge(object, cx, |rules: &Rules<'a>| {
            let connects = rules.grant_any(connect, [EXEC, ATTACH]);
            let debugs = || rules.grant(&["update", "patch"], EPHEMERAL);
            let gives = "run commands in pods and use their ServiceAccounts";
            let power = connects.or_else(debugs).map(|g| Power::new(&g, Severity::Medium, gives));
            power.into_iter().collect()
        })
    }
}
