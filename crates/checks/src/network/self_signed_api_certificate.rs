//! PV-N051.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Self-signed API server certificate
///
/// ## Why
/// Without `--tls-cert-file`, the API server signs its own certificate. Clients cannot verify it,
/// so they disable verification, and an attacker in between can collect their tokens.
///
/// ## Fix
/// Set `--tls-cert-file` and `--tls-private-key-file` to a certificate from the CA of the cluster.
#[check(id = "PV-N051", severity = Medium, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelfSignedApiCertificate {}

impl Check for SelfSignedApiCertificate {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    for flag in ["tls-cert-file", "tls-private-key-file"] {
        if server.known(flag)?.is_some_and(|file| !file.value.is_empty()) {
            continue;
        }
        // It uses `apiserver.crt` and its key from there before creating any.
        if let Some(directory) = server.known("cert-dir")? {
            let why = format!(
                "`--{flag}` is not set, and it is not known whether `--cert-dir={}` contains a \
                 certificate",
                directory.value
            );
            return Err(Claim::unknown(server.place(flag), why));
        }
        let message =
            format!("kube-apiserver uses a self-signed certificate: `--{flag}` is not set");
        return Ok(Verdict::fails(server.place(flag), message));
    }
    Ok(Verdict::Holds)
}
