//! PV-I013.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change admission webhooks.
///
/// ## Why
/// Whoever writes a webhook configuration sends every request of the cluster to a server of their
/// own: it reads Secrets as they are written and, if mutating, changes pods as they are made.
///
/// ## Fix
/// Leave these configurations to the administrators or the GitOps controller. A program that only
/// rotates its own certificate needs `update` on its own configuration by `resourceNames`.
#[check(
    id = "PV-I013",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookConfigurationPermission {}

const GROUP: &str = "admissionregistration.k8s.io";
const MUTATING: Resource = Resource::new(GROUP, "mutatingwebhookconfigurations");
const VALIDATING: Resource = Resource::new(GROUP, "validatingwebhookconfigurations");

impl Check for WebhookConfigurationPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            let verbs = ["create", "update", "patch"];
            let power = rules.grant_any(&verbs, [MUTATING, VALIDATING]).map(|grant| {
                let gives = match grant.on == MUTATING {
                    true => "see and change every object that is written",
                    false => "see and refuse every object that is written",
                };
                Power::new(&grant, Severity::High, gives).cluster_scoped()
            });
            power.into_iter().collect()
        })
    }
}
