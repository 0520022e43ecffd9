//! PV-N040.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::annotation::{Annotation, annotations};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Gateway, proxy or load balancer accepts old TLS versions
///
/// ## Why
/// TLS 1.0 and 1.1 are broken (RFC 8996): an attacker between a client and the gateway may read
/// sessions or impersonate the client.
///
/// ## Fix
/// Remove the setting if the default is TLS 1.2, or set it to 1.2, which all clients of the last
/// ten years support.
#[check(
    id = "PV-N040",
    severity = Medium,
    scope = Object,
    on = [
        ISTIO_GATEWAY,
        INGRESS,
        INGRESS_EXTENSIONS,
        SERVICE,
        CONFIG_MAP,
        TRAEFIK_TLS_OPTION,
    ],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakEdgeTls {}

/// Parts of the names of AWS policies that allow TLS 1.0 or 1.1. All early policies do.
const AWS_WEAK: [&str; 7] =
    ["Policy-20", "-TLS-1-0-", "-TLS-1-1-", "-FS-2018-", "-FS-1-1-", "-TLS13-1-0-", "-TLS13-1-1-"];

/// Parts of the names of AWS policies that do not.
const AWS_STRONG: [&str; 5] = ["-TLS-1-2-", "-FS-1-2-", "-TLS13-1-2-", "-TLS13-1-3-", "-FS-1-3-"];

const AWS_ANNOTATIONS: [&str; 2] = [
    "alb.ingress.kubernetes.io/ssl-policy",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-negotiation-policy",
];

impl Check for WeakEdgeTls {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::ISTIO_GATEWAY) {
            return istio(object);
        }
        if object.is(kinds::CONFIG_MAP) {
            // The ConfigMap of ingress-nginx, whatever its name.
            let protocols = object.at(&["data", "ssl-protocols"]);
            return protocols.map_or(Verdict::NotApplicable, nginx);
        }
        if object.is(kinds::TRAEFIK_TLS_OPTION) {
            return match object.at(&["spec", "minVersion"]) {
                Some(value) if matches!(value.as_str(), Some("VersionTLS10" | "VersionTLS11")) => {
                    let version = value.as_str().unwrap_or("");
                    Claim::fails(value, format!("Traefik accepts `{version}`"))
                        .set("VersionTLS12")
                        .into()
                }
                _ => Verdict::Holds,
            };
        }
        Verdict::all(annotations(object).filter_map(|Annotation { key, name, value }| {
            if AWS_ANNOTATIONS.contains(&key) {
                return Some(aws(value, key));
            }
            (name == "ssl-protocols").then(|| nginx(value))
        }))
    }
}

fn istio(gateway: &Object) -> Verdict<'_> {
    let servers = gateway.at(&["spec", "servers"]).into_iter().flat_map(Value::items);
    Verdict::all(servers.map(|server| {
        let Some(tls) = server.get("tls").filter(|tls| !tls.is_null()) else {
            return Verdict::NotApplicable;
        };
        match tls.get("minProtocolVersion") {
            Some(value) if matches!(value.as_str(), Some("TLSV1_0" | "TLSV1_1")) => {
                let version = value.as_str().unwrap_or("");
                let message = format!("the gateway accepts `{version}`");
                let claim = Claim::fails(value, message).set("TLSV1_2");
                // The maximum version must not be below the new minimum.
                match tls.get("maxProtocolVersion") {
                    Some(most) if matches!(most.as_str(), Some("TLSV1_0" | "TLSV1_1")) => {
                        claim.change(most, Edit::Remove).into()
                    }
                    _ => claim.into(),
                }
            }
            _ => Verdict::Holds,
        }
    }))
}

fn aws<'a>(value: Value<'a>, annotation: &str) -> Verdict<'a> {
    let policy = value.as_str().unwrap_or("").trim();
    let is = |parts: &[&str]| {
        policy.starts_with("ELBSecurityPolicy-") && parts.iter().any(|part| policy.contains(part))
    };
    // The load balancer of a Service may be a classic one, which does not support TLS 1.3.
    let instead = match annotation.starts_with("service.") {
        true => "ELBSecurityPolicy-TLS-1-2-2017-01",
        false => "ELBSecurityPolicy-TLS13-1-2-2021-06",
    };
    if is(&AWS_WEAK) {
        let message = format!("`{policy}` allows TLS versions older than 1.2");
        return Claim::fails(value, message).set(instead).into();
    }
    match is(&AWS_STRONG) {
        true => Verdict::Holds,
        false => {
            Verdict::unknown(value, format!("it is not known what the policy `{policy}` accepts"))
        }
    }
}

fn nginx(value: Value<'_>) -> Verdict<'_> {
    const OLD: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];
    let text = value.as_str().unwrap_or("");
    let old: Vec<_> = text.split_whitespace().filter(|word| OLD.contains(word)).collect();
    match old.is_empty() {
        true => Verdict::Holds,
        false => Claim::fails(value, format!("nginx accepts {}", old.join(", ")))
            .set("TLSv1.2 TLSv1.3")
            .into(),
    }
}
