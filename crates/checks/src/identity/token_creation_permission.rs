//! PV-I011.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role can create ServiceAccount tokens
///
/// ## Why
/// `create` on `serviceaccounts/token` returns a token for any ServiceAccount in its scope, with
/// all their permissions. The token also works from outside the cluster.
///
/// ## Fix
/// Provide tokens to pods with a projected volume. If a program must request tokens, list the
/// ServiceAccounts in `resourceNames`.
#[check(
    id = "PV-I011",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenCreationPermission {}

const TOKEN: Resource = Resource::new("", "serviceaccounts/token");

impl Check for TokenCreationPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            let power = rules.grant(&["create"], TOKEN).map(|grant| {
                let gives = match grant.rule.is_named() {
                    true => "act as these ServiceAccounts",
                    false => "act as every ServiceAccount there",
                };
                Power::new(&grant, Severity::High, gives)
            });
            power.into_iter().collect()
        })
    }
}
