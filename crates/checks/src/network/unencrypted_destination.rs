//! PV-N042.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict, View, Why};

/// DestinationRule disables or does not verify TLS
///
/// ## Why
/// Istio encrypts traffic between sidecars by default. `DISABLE` sends plaintext even if both sides
/// support TLS. With `insecureSkipVerify`, any certificate is accepted: an attacker in between can
/// impersonate the server.
///
/// ## Fix
/// Remove `tls` so that Istio chooses, or set `mode: ISTIO_MUTUAL`. For servers outside the mesh,
/// use `mode: SIMPLE` with `caCertificates` and `subjectAltNames`.
#[check(
    id = "PV-N042",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    on = [DESTINATION_RULE],
    reads = [SERVICE_ENTRY],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedDestination {}

impl Check for UnencryptedDestination {
    type On = OnObject;

    fn check<'a>(&self, rule: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let host = rule.at(&["spec", "host"]).and_then(Value::as_str).unwrap_or("");
        // The API server is not in a mesh, and its clients use TLS themselves.
        if host == "kubernetes" || host.starts_with("kubernetes.default") {
            return Verdict::NotApplicable;
        }
        let own = rule.at(&["spec", "trafficPolicy"]);
        let subsets = rule.at(&["spec", "subsets"]).into_iter().flat_map(Value::items);
        let policies = own.into_iter().chain(subsets.filter_map(|s| s.get("trafficPolicy")));
        let settings = policies.flat_map(|policy| {
            let ports = policy.list("portLevelSettings").filter_map(|port| port.get("tls"));
            policy.get("tls").into_iter().chain(ports)
        });
        Verdict::all(settings.filter(|tls| !tls.is_null()).map(|tls| judge(host, tls, cx)))
    }
}

fn judge<'a>(host: &str, tls: Value<'a>, cx: &View<'a>) -> Verdict<'a> {
    if let Some(skip) = tls.get("insecureSkipVerify").filter(|v| v.as_bool() == Some(true)) {
        let message = format!("any certificate is accepted for `{host}`");
        return Claim::fails(skip, message).remove().into();
    }
    let Some(mode) = tls.get("mode").filter(|mode| mode.as_str() == Some("DISABLE")) else {
        return Verdict::Holds;
    };
    match needs_no_tls(host, cx) {
        Ok(true) => Verdict::Holds,
        Ok(false) => Claim::fails(mode, format!("traffic to `{host}` is sent in plain text"))
            // A map without a mode would still mean DISABLE.
            .change(tls, Edit::Remove)
            .into(),
        Err(why) => Verdict::unknown(mode, why),
    }
}

/// Whether traffic to this host does not cross a network in plain text: it is a local socket, or
/// its clients use TLS themselves. The error is the reason why that is not known.
fn needs_no_tls(host: &str, cx: &View<'_>) -> Result<bool, Why> {
    // A Service of the cluster, for which there is no ServiceEntry.
    if !host.contains('.') || host.ends_with(".svc") || host.contains(".svc.") {
        return Ok(false);
    }
    let hosts = |entry: &Object| {
        let hosts = entry.at(&["spec", "hosts"]).into_iter().flat_map(Value::items);
        hosts.filter_map(|h| h.as_str().map(str::to_owned)).collect()
    };
    let of = cx.indexed::<UnencryptedDestination>(kinds::SERVICE_ENTRY, hosts, host);
    let described = !of.is_empty();
    if of.into_iter().any(|entry| !is_socket(entry) && !is_tls(entry)) {
        return Ok(false);
    }
    cx.gap(kinds::SERVICE_ENTRY).map_or(Ok(described), Err)
}

/// Whether all endpoints of the host are sockets on the client's own node.
fn is_socket(entry: &Object) -> bool {
    every(entry, "endpoints", |endpoint| {
        endpoint.str("address").is_some_and(|address| address.starts_with("unix://"))
    })
}

/// Whether traffic to all ports of the host is TLS already.
fn is_tls(entry: &Object) -> bool {
    every(entry, "ports", |port| matches!(port.str("protocol"), Some("HTTPS" | "TLS")))
}

fn every(entry: &Object, list: &str, is: impl Fn(Value<'_>) -> bool) -> bool {
    let mut elements = entry.at(&["spec", list]).into_iter().flat_map(Value::items).peekable();
    elements.peek().is_some() && elements.all(is)
}
