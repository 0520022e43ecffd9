//! PV-I028.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubeconfig::{entries, is_kubeconfig};
use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Kubeconfig skips TLS verification
///
/// ## Why
/// An attacker between the client and the API server can impersonate the server, and use the token
/// that the client sends.
///
/// ## Fix
/// Remove `insecure-skip-tls-verify` and set `certificate-authority-data`. If the certificate has a
/// different name, set `tls-server-name`.
#[check(id = "PV-I028", severity = High, scope = Object, files_only = true, on = [KUBECONFIG], fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeconfigSkipsTlsVerification {}

impl Check for KubeconfigSkipsTlsVerification {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if !is_kubeconfig(file) {
            return Verdict::NotApplicable;
        }
        let mut claims = Vec::new();
        for (name, cluster) in entries(file, "clusters", "cluster") {
            let skip = cluster.get("insecure-skip-tls-verify").filter(|skip| !skip.is_null());
            match skip.map(|skip| (skip, skip.as_bool())) {
                Some((skip, Some(true))) => {
                    let message = format!("TLS verification is disabled for cluster `{name}`");
                    let claim = Claim::fails(skip, message);
                    // Without a CA, only the user knows which one to trust.
                    let authority = ["certificate-authority-data", "certificate-authority"];
                    let known = authority.iter().any(|a| cluster.str(a).is_some());
                    claims.push(if known { claim.remove() } else { claim });
                }
                Some((skip, None)) => claims.push(Claim::unknown(skip, "this is not a boolean")),
                Some((_, Some(false))) | None => {}
            }
            let server = cluster.get("server");
            let address = server.and_then(|s| s.as_str()).unwrap_or("");
            let plain = plain_http(address).or_else(|| without_scheme(address, cluster, file));
            if let (Some(server), Some(rest)) = (server, plain)
                // `kubectl proxy` and the like on the same machine.
                && !is_loopback_url(rest)
            {
                let message = format!(
                    "cluster `{name}` is accessed over plain HTTP, which exposes credentials"
                );
                claims.push(Claim::fails(server, message));
            }
        }
        Verdict::from_claims(claims)
    }
}

fn plain_http(address: &str) -> Option<&str> {
    let scheme = address.get(..7)?;
    scheme.eq_ignore_ascii_case("http://").then(|| &address[7..])
}

/// Returns the URL for an address without a scheme, which is plain HTTP if no TLS is configured:
/// neither a CA nor a client certificate (client-go `rest.DefaultServerUrlFor`).
fn without_scheme<'a>(address: &'a str, cluster: Value<'_>, file: &Object) -> Option<&'a str> {
    let has = |of: Value<'_>, field: &str| {
        ["", "-data"]
            .iter()
            .any(|end| of.str(&format!("{field}{end}")).is_some_and(|text| !text.is_empty()))
    };
    let tls = has(cluster, "certificate-authority")
        || cluster.bool("insecure-skip-tls-verify") == Some(true)
        || entries(file, "users", "user").any(|(_, user)| has(user, "client-certificate"));
    let open = address.is_empty() || address.contains("://") || address.contains(['$', '{', '<']);
    (!tls && !open).then_some(address)
}
