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

/// Role can change admission webhooks
///
/// ## Why
/// Anyone who can change a webhook configuration can send all API requests to their own server. It
/// can read Secrets when they are written and, with a mutating webhook, change pods when they are
/// created.
///
/// ## Fix
/// Only administrators or the GitOps controller should change these configurations. A program that
/// rotates its own certificate needs `update` only on its own configuration, limited by
/// `resourceNames`.
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
                    true => "read and change every object that is written",
                    false => "read and reject every object that is written",
                };
                Power::new(&grant, Severity::High, gives).cluster_scoped()
            });
            power.into_iter().collect()
        })
    }
}
