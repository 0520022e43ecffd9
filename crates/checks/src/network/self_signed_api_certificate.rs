//! PV-N051.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// API servers that make their own certificate up.
///
/// ## Why
/// Without `--tls-cert-file` the API server signs a certificate for itself. No client can verify
/// it, so clients are told not to, and who sits between collects their tokens.
///
/// ## Fix
/// Set `--tls-cert-file` and `--tls-private-key-file` to a certificate of the cluster's authority.
#[check(id = "PV-N051", severity = Medium, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelfSignedApiCertificate {}

impl Check for SelfSignedApiCertificate {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if component.name() != "kube-apiserver" {
            return Verdict::NotApplicable;
        }
        judge(component).unwrap_or_else(Verdict::from)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    for flag in ["tls-cert-file", "tls-private-key-file"] {
        if server.known(flag)?.is_some_and(|file| !file.value.is_empty()) {
            continue;
        }
        // It takes `apiserver.crt` and its key from there before it makes any.
        if let Some(directory) = server.known("cert-dir")? {
            let why = format!(
                "`--{flag}` is not set, and whether `--cert-dir={}` holds a certificate is not \
                 known",
                directory.value
            );
            return Err(Claim::unknown(server.place(flag), why));
        }
        let message =
            format!("kube-apiserver shows a certificate that it made up: `--{flag}` is not set");
        return Ok(Verdict::fails(server.place(flag), message));
    }
    Ok(Verdict::Holds)
}
