//! PV-I074.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// ServiceAccount tokens share the TLS key
///
/// ## Why
/// Anyone who can read the TLS key of the API server, for example to renew its certificate, can
/// create tokens for every ServiceAccount. Replacing the key invalidates all tokens.
///
/// ## Fix
/// Create a separate key pair: the public key for `--service-account-key-file`, the private key for
/// `--service-account-signing-key-file` and the controller manager's
/// `--service-account-private-key-file`.
#[check(id = "PV-I074", severity = Low, audience = Strict, scope = Object, programs = [ApiServer])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedTokenKey {}

impl Check for SharedTokenKey {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("kube-apiserver", judge)
    }
}

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const CHECKS: &str = "service-account-key-file";
    const SIGNS: &str = "service-account-signing-key-file";
    // An external signer has the keys (KEP-740).
    let endpoint = server.known("service-account-signing-endpoint")?;
    if endpoint.is_some_and(|endpoint| !endpoint.value.is_empty()) {
        return Ok(Verdict::Holds);
    }
    let tls = server.known("tls-private-key-file")?;
    let mut claims = Vec::new();
    for (name, what) in [(CHECKS, "are verified"), (SIGNS, "are signed")] {
        // Every key that is given verifies tokens.
        let keys = server.known_list(name)?;
        let mut all = keys.iter().flatten();
        let shared = tls.as_ref().is_some_and(|tls| all.any(|key| *key == tls.value));
        if shared {
            let message = format!("tokens {what} with the TLS key of the API server");
            claims.push(Claim::fails(server.place(name), message).instance(name));
        } else if keys.is_none() && name == CHECKS {
            let message = format!(
                "`--{CHECKS}` is not set: tokens are verified with the TLS key of the API server"
            );
            claims.push(Claim::fails(server.place(name), message).instance(name));
        }
    }
    Ok(Verdict::from_claims(claims))
}
