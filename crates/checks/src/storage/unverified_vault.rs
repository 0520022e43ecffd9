//! PV-D019.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::go_bool;
use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Vault connection without TLS or verification
///
/// ## Why
/// The client sends its token and receives secrets. In plain text, anyone in between can read both.
/// Without verification, an attacker who impersonates Vault gets the token.
///
/// ## Fix
/// Use an `https` address, configure the CA of Vault (`vault.hashicorp.com/ca-cert`,
/// `caCertSecretRef`, `VAULT_CACERT`), and remove the option that skips verification.
#[check(
    id = "PV-D019",
    severity = Medium,
    scope = Object,
    on = [
        VAULT_CONNECTION,
        SECRET_STORE,
        CLUSTER_SECRET_STORE,
        SECRET_PROVIDER_CLASS,
        POD,
        POD_TEMPLATE,
        DEPLOYMENT,
        DAEMON_SET,
        STATEFUL_SET,
        REPLICA_SET,
        REPLICATION_CONTROLLER,
        JOB,
        CRON_JOB,
    ],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiedVault {}

impl Check for UnverifiedVault {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let at = |path: &[&str]| object.at(path).filter(|v| !v.is_null());
        if object.is(kinds::VAULT_CONNECTION) {
            let skips = at(&["spec", "skipTLSVerify"]).filter(|v| v.as_bool() == Some(true));
            let skips = skips.map(|v| skipped(v).set(false));
            return Verdict::from_claims(
                skips.into_iter().chain(at(&["spec", "address"]).and_then(plain)),
            );
        }
        if object.is(kinds::SECRET_STORE) || object.is(kinds::CLUSTER_SECRET_STORE) {
            let server = at(&["spec", "provider", "vault", "server"]);
            return server
                .map_or(Verdict::NotApplicable, |server| Verdict::from_claims(plain(server)));
        }
        if object.is(kinds::SECRET_PROVIDER_CLASS) {
            let skips = at(&["spec", "parameters", "vaultSkipTLSVerify"]).filter(|v| is_true(*v));
            let skips = skips.map(|v| skipped(v).set("false"));
            let address = at(&["spec", "parameters", "vaultAddress"]).and_then(plain);
            return Verdict::from_claims(skips.into_iter().chain(address));
        }
        if !object.has_pods() {
            return Verdict::NotApplicable;
        }
        Verdict::all(object.pods().map(pod))
    }
}

fn pod(pod: Pod<'_>) -> Verdict<'_> {
    let mut claims = Vec::new();
    let mut any = false;
    // Set by the injector.
    if let Some(value) = pod.annotation("vault.hashicorp.com/tls-skip-verify") {
        any = true;
        claims.extend(is_true(value).then(|| skipped(value).set("false")));
    }
    if let Some(value) = pod.annotation("vault.hashicorp.com/service") {
        any = true;
        claims.extend(plain(value));
    }
    for variable in pod.containers().flat_map(|container| container.value().list("env")) {
        let Some(value) = variable.get("value") else { continue };
        match variable.str("name") {
            Some("VAULT_SKIP_VERIFY") => {
                any = true;
                claims.extend(is_true(value).then(|| skipped(value).set("false")));
            }
            Some("VAULT_ADDR") => {
                any = true;
                claims.extend(plain(value));
            }
            _ => {}
        }
    }
    if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable }
}

fn skipped(place: Value<'_>) -> Claim<'_> {
    Claim::fails(
        place,
        "the certificate of Vault is not verified, so any server can impersonate it and get the \
         token",
    )
}

fn is_true(value: Value<'_>) -> bool {
    value.scalar_text().is_some_and(|text| go_bool(text.trim()) == Some(true))
}

fn plain(place: Value<'_>) -> Option<Claim<'_>> {
    let address = place.as_str()?.trim();
    let host = address.strip_prefix("http://")?;
    let host = host.split(['/', ':']).next().unwrap_or(host);
    // A sidecar agent, and Vault's own containers.
    let own = matches!(host, "$(VAULT_K8S_POD_NAME)" | "$(POD_IP)");
    if own || is_loopback_url(address) {
        return None;
    }
    Some(Claim::fails(place, format!("the client connects to Vault at `{address}` in plain text")))
}
