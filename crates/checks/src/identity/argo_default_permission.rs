//! PV-I062.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Argo CD that makes everybody who logs in its administrator.
///
/// ## Why
/// `policy.default` is what every login gets, whatever else the policy says: with `role:admin`,
/// each account of the identity provider deploys into every cluster that Argo CD knows.
///
/// ## Fix
/// Leave `policy.default` empty, or `role:readonly`, and give roles to groups in `policy.csv`.
#[check(id = "PV-I062", severity = High, scope = Object, on = [CONFIG_MAP], mends = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ArgoDefaultPermission {}

impl Check for ArgoDefaultPermission {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if map.name() != "argocd-rbac-cm" {
            return Verdict::NotApplicable;
        }
        let Some(policy) = map.at(&["data", "policy.default"]) else { return Verdict::Holds };
        match policy.as_str().map(str::trim) {
            Some("role:admin") => {
                Claim::fails(policy, "everybody who logs in to Argo CD is its administrator")
                    .set("")
                    .into()
            }
            Some("" | "role:readonly") => Verdict::Holds,
            Some(role) => {
                let message = format!("what `{role}` allows to everybody is not evaluated");
                Verdict::unknown(policy, message)
            }
            None if policy.is_null() => Verdict::Holds,
            None => Verdict::unknown(policy, "`policy.default` is no text"),
        }
    }
}
