//! PV-I071.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// An API server that accepts tokens of ServiceAccounts that were deleted.
///
/// ## Why
/// With `--service-account-lookup=false` it looks at the signature of a token alone: one whose
/// ServiceAccount, Secret or pod is gone goes on working, so that a stolen token cannot be revoked.
///
/// ## Fix
/// Remove `--service-account-lookup`; its default is true.
#[check(id = "PV-I071", severity = Medium, scope = Object, programs = [ApiServer], fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeletedAccountAccepted {}

impl Check for DeletedAccountAccepted {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        match component.name() {
            "kube-apiserver" => judge(component).unwrap_or_else(Verdict::from),
            _ => Verdict::NotApplicable,
        }
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "service-account-lookup";
    if server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = "`--service-account-lookup=false` accepts tokens of ServiceAccounts, Secrets and \
                   pods that were deleted";
    Ok(Claim::fails(server.place(FLAG), message).changes(server.set_flag(FLAG, "true")).into())
}
