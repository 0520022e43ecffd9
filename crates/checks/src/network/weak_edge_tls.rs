//! PV-N040.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Gateways, proxies and load balancers that accept TLS older than 1.2.
///
/// ## Why
/// TLS 1.0 and 1.1 are broken (RFC 8996): who sits between a client and the gateway may read
/// sessions, or be the client.
///
/// ## Fix
/// Remove the setting, where the default is 1.2, or name 1.2: clients of the last ten years speak
/// it.
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
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakEdgeTls {}

/// AWS's policies that let TLS 1.0 or 1.1 in.
const AWS_POLICIES: [&str; 10] = [
    "ELBSecurityPolicy-2015-05",
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04",
];

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
            // ingress-nginx's, whatever it is called.
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
        let annotations = object.at(&["metadata", "annotations"]);
        let annotations = annotations.into_iter().flat_map(Value::entries);
        Verdict::all(annotations.filter_map(|(key, value)| {
            let name = key.rsplit_once('/').map_or("", |(_, name)| name);
            if AWS_ANNOTATIONS.contains(&key) {
                return Some(aws(value));
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
                Claim::fails(value, message).set("TLSV1_2").into()
            }
            _ => Verdict::Holds,
        }
    }))
}

fn aws(value: Value<'_>) -> Verdict<'_> {
    let policy = value.as_str().unwrap_or("").trim();
    match AWS_POLICIES.contains(&policy) {
        true => Claim::fails(value, format!("`{policy}` lets TLS older than 1.2 in"))
            .set("ELBSecurityPolicy-TLS13-1-2-2021-06")
            .into(),
        false => Verdict::Holds,
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
