//! PV-I076.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Controller manager without ServiceAccount key or root CA
///
/// ## Why
/// Without `--root-ca-file`, pods get no CA certificate to verify the API server, so their clients
/// skip verification or fail. Without `--service-account-private-key-file`, no tokens are created
/// for Secrets that request one.
///
/// ## Fix
/// Set `--root-ca-file` to the CA certificate of the API server, and
/// `--service-account-private-key-file` to the key with which the API server signs tokens.
#[check(
    id = "PV-I076",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ControllerManager],
    parts = ["root-ca-file", "service-account-private-key-file"]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingAccountFiles {}

impl Check for MissingAccountFiles {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-controller-manager", judge)
    }
}

fn judge(manager: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    let mut claims = Vec::new();
    for (name, what) in [
        ("root-ca-file", "pods get no CA certificate to verify the API server"),
        ("service-account-private-key-file", "Secrets that request a token do not get one"),
    ] {
        if manager.known(name)?.is_none_or(|file| file.value.is_empty()) {
            let message = format!("`--{name}` is not set: {what}");
            claims.push(Claim::fails(manager.place(name), message).part(name).instance(name));
        }
    }
    Ok(Verdict::from_claims(claims))
}
