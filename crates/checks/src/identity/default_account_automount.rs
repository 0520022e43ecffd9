//! PV-I053.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::boolean;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Default ServiceAccount mounts its token
///
/// ## Why
/// The token is mounted into every pod that sets no ServiceAccount. It has all permissions granted
/// to all ServiceAccounts, and those that are bound to `default` later.
///
/// ## Fix
/// Set `automountServiceAccountToken: false` in the ServiceAccount `default`, and create separate
/// ServiceAccounts for programs that use the API.
#[check(
    id = "PV-I053",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [SERVICE_ACCOUNT],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DefaultAccountAutomount {}

/// Namespaces that exist in every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Check for DefaultAccountAutomount {
    type On = OnObject;

    fn check<'a>(&self, account: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        // Kubernetes creates these by default.
        let own = cx.is_live() && NAMESPACES.contains(&account.namespace());
        if account.name() != "default" || own {
            return Verdict::NotApplicable;
        }
        const FIELD: [&str; 1] = ["automountServiceAccountToken"];
        match boolean(account.value(), &FIELD) {
            Ok(Some((false, _))) => Verdict::Holds,
            Ok(_) => Claim::fails(
                Place::field(account.value(), &FIELD),
                "its token is mounted into every pod that sets no ServiceAccount",
            )
            .set(false)
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}
