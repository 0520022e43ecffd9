//! PV-I023.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Static tokens or passwords for the API server
///
/// ## Why
/// Tokens and passwords in a file are stored in plain text on the control plane, never expire, and
/// can only be revoked by restarting the API server. They do not prove a second factor.
///
/// ## Fix
/// Remove `--token-auth-file` (and `--basic-auth-file`, which was removed in Kubernetes 1.19). Use
/// an OIDC issuer for people, and ServiceAccount tokens that expire for machines.
#[check(id = "PV-I023", severity = High, scope = Object, programs = [ApiServer], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaticCredentialFile {}

impl Check for StaticCredentialFile {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if server.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        let flags = [("token-auth-file", "tokens"), ("basic-auth-file", "passwords")];
        let mut claims = Vec::new();
        let mut hidden = None;
        for (name, what) in flags {
            // Regardless of its value, a flag that is set refers to a file.
            match server.flag(name) {
                Some(flag) if !flag.value.is_empty() => {
                    let message =
                        format!("`--{name}` accepts {what} from a file; they never expire");
                    let claim = Claim::fails(flag.place, message);
                    claims.push(claim.changes(server.remove_flag(name)));
                }
                Some(_) => {}
                None => hidden = hidden.or(server.known(name).err()),
            }
        }
        if claims.is_empty() {
            claims.extend(hidden);
        }
        Verdict::from_claims(claims)
    }
}
