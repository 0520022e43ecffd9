//! PV-I071.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Tokens of deleted ServiceAccounts are accepted
///
/// ## Why
/// With `--service-account-lookup=false`, the API server checks only the signature of a token. The
/// token remains valid after its ServiceAccount, Secret or pod is deleted, so a stolen token cannot
/// be revoked.
///
/// ## Fix
/// Remove `--service-account-lookup`. It defaults to true.
#[check(id = "PV-I071", severity = Medium, scope = Object, programs = [ApiServer], fixable = Safely)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeletedAccountAccepted {}

impl Check for DeletedAccountAccepted {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "service-account-lookup";
    if server.known_bool(FLAG, true)? {
        return Ok(Verdict::Holds);
    }
    let message = "`--service-account-lookup=false` accepts tokens of deleted ServiceAccounts, \
                   Secrets and pods";
    Ok(Claim::fails(server.place(FLAG), message).changes(server.set_flag(FLAG, "true")).into())
}
