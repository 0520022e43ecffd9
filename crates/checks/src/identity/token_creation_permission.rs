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

/// Roles that may make tokens of ServiceAccounts.
///
/// ## Why
/// `create` on `serviceaccounts/token` gives a token of any ServiceAccount in reach: its holder
/// has the permissions of all of them, from outside the cluster too.
///
/// ## Fix
/// Let pods have their tokens from a projected volume. Where a program must ask for tokens, name
/// the ServiceAccounts in `resourceNames`.
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
