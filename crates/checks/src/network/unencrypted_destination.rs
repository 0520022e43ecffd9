//! PV-N042.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// DestinationRules that switch the mesh's TLS off, or do not verify whom they reach.
///
/// ## Why
/// Istio encrypts between sidecars by itself; `DISABLE` sends in plain text even where both sides
/// could do better. With `insecureSkipVerify` any certificate will do: whoever sits between is the
/// server.
///
/// ## Fix
/// Remove `tls` and let Istio choose, or set `mode: ISTIO_MUTUAL`; for servers outside of the mesh
/// `mode: SIMPLE` with `caCertificates` and `subjectAltNames`.
#[check(
    id = "PV-N042",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [DESTINATION_RULE],
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnencryptedDestination {}

impl Check for UnencryptedDestination {
    type On = OnObject;

    fn check<'a>(&self, rule: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let host = rule.at(&["spec", "host"]).and_then(Value::as_str).unwrap_or("");
        // The API server is in no mesh, and its clients speak TLS to it by themselves.
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
        Verdict::all(settings.filter(|tls| !tls.is_null()).map(|tls| judge(host, tls)))
    }
}

fn judge<'a>(host: &str, tls: Value<'a>) -> Verdict<'a> {
    if let Some(skip) = tls.get("insecureSkipVerify").filter(|v| v.as_bool() == Some(true)) {
        let message = format!("any certificate will do for `{host}`");
        return Claim::fails(skip, message).remove().into();
    }
    match tls.get("mode") {
        Some(mode) if mode.as_str() == Some("DISABLE") => {
            Claim::fails(mode, format!("what goes to `{host}` is sent in plain text"))
                // A map without a mode would say DISABLE still.
                .change(tls, Edit::Remove)
                .into()
        }
        _ => Verdict::Holds,
    }
}
