//! PV-N008.

use std::collections::HashSet;

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{list, text};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Ingress without TLS
///
/// ## Why
/// Passwords, sessions and responses cross the network in plain text, and can be modified in
/// transit.
///
/// ## Fix
/// List every host in `spec.tls` with a `secretName`. cert-manager or the certificate service of
/// the cloud can create the Secret.
#[check(
    id = "PV-N008",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IngressWithoutTls {}

/// Annotations that enable TLS without `spec.tls`; for some, only with one value.
const CERTIFICATES: [(&str, Option<&str>); 22] = [
    // AWS, Google, Azure, Alibaba.
    ("alb.ingress.kubernetes.io/certificate-arn", None),
    ("ingress.gcp.kubernetes.io/pre-shared-cert", None),
    ("networking.gke.io/managed-certificates", None),
    ("networking.gke.io/certmap", None),
    ("appgw.ingress.kubernetes.io/appgw-ssl-certificate", None),
    ("kubernetes.azure.com/tls-cert-keyvault-uri", None),
    ("ingress.cloud.ibm.com/alb-certificate", None),
    // OpenShift creates a Route from it.
    ("route.openshift.io/termination", None),
    // TLS passthrough to the pod.
    ("nginx.ingress.kubernetes.io/ssl-passthrough", Some("true")),
    ("haproxy.org/ssl-passthrough", Some("true")),
    ("haproxy-ingress.github.io/ssl-passthrough", Some("true")),
    ("ingress.kubernetes.io/ssl-passthrough", Some("true")),
    ("ingress.cilium.io/tls-passthrough", Some("enabled")),
    ("ingress.cilium.io/tls-passthrough", Some("true")),
    // A proxy in front has the certificate, and plain requests are redirected.
    ("nginx.ingress.kubernetes.io/force-ssl-redirect", Some("true")),
    ("ingress.kubernetes.io/force-ssl-redirect", Some("true")),
    ("ingress.cilium.io/force-https", Some("enabled")),
    ("nginx.org/redirect-to-https", Some("true")),
    // Traefik, Kong.
    ("traefik.ingress.kubernetes.io/router.tls", Some("true")),
    ("traefik.ingress.kubernetes.io/router.tls.certresolver", None),
    ("konghq.com/protocols", Some("https")),
    ("konghq.com/protocols", Some("https,grpcs")),
];

/// Annotations whose effect depends on something outside the files.
const ELSEWHERE: [(&str, &str); 3] = [
    ("traefik.ingress.kubernetes.io/router.entrypoints", "the entry point"),
    ("alb.ingress.kubernetes.io/group.name", "the group of Ingresses"),
    ("networking.gke.io/v1beta1.FrontendConfig", "the FrontendConfig"),
];

/// Controllers that only serve TLS, or terminate it at their provider.
const TLS_ONLY: [&str; 2] = ["tailscale", "ngrok"];

const ISSUERS: [&str; 5] = [
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer",
    "certmanager.k8s.io/cluster-issuer",
    "certmanager.k8s.io/issuer",
    "kubernetes.io/tls-acme",
];

impl Check for IngressWithoutTls {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        // cert-manager's ACME challenge, which uses plain HTTP (RFC 8555, 8.3).
        if ingress.label("acme.cert-manager.io/http01-solver") == Some("true") {
            return Verdict::NotApplicable;
        }
        let (rules, tls): (Vec<_>, Vec<_>) = match (
            list(ingress.value(), &["spec", "rules"]),
            list(ingress.value(), &["spec", "tls"]),
        ) {
            (Ok(rules), Ok(tls)) => (rules.collect(), tls.collect()),
            (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
        };
        let default = ["defaultBackend", "backend"];
        let has_default =
            default.iter().any(|f| ingress.at(&["spec", f]).is_some_and(|b| !b.is_null()));
        let hosts = tls.iter().filter_map(|entry| list(*entry, &["hosts"]).err());
        let host = rules.iter().filter_map(|rule| text(*rule, &["host"]).err());
        if let Some(wrong) = hosts.chain(host).next() {
            return wrong.into();
        }
        if rules.is_empty() && !has_default {
            return Verdict::NotApplicable;
        }
        if has_tls_elsewhere(ingress) {
            return Verdict::Holds;
        }
        if tls.is_empty() {
            let place = Place::field(ingress.value(), &["spec", "tls"]);
            return without_section(ingress, place, &rules);
        }
        let covered = Covered::of(&tls);
        let claims = rules.into_iter().filter_map(|rule| {
            let host = rule.get("host").filter(|h| h.as_str().is_some_and(|h| !h.is_empty()));
            let name = host.and_then(Value::as_str);
            if covered.holds(name) {
                return None;
            }
            Some(match (host, name) {
                (Some(value), Some(name)) => {
                    Claim::fails(value, format!("no entry in `spec.tls` covers the host `{name}`"))
                }
                _ => Claim::fails(
                    rule,
                    "this rule matches every host, but `spec.tls` covers only the hosts that it \
                     lists",
                ),
            })
        });
        Verdict::from_claims(claims)
    }
}

fn without_section<'a>(ingress: &'a Object, place: Place<'a>, rules: &[Value<'a>]) -> Verdict<'a> {
    let set = |key: &str| ingress.annotation(key).is_some_and(|v| !v.trim().is_empty());
    if let Some((key, what)) = ELSEWHERE.iter().find(|(key, _)| {
        set(key)
            // An entry point without TLS conventionally has such a name.
            && !matches!(ingress.annotation(key), Some("web" | "http"))
    }) {
        return Verdict::unknown(
            place,
            format!("there is no `spec.tls`; with `{key}`, {what} determines whether TLS is used"),
        );
    }
    let mut hosts: Vec<_> = rules.iter().filter_map(|r| r.str("host")).collect();
    hosts.retain(|h| !h.is_empty());
    hosts.dedup();
    let served = match &hosts[..] {
        [] => "every host is".to_owned(),
        [one] => format!("`{one}` is"),
        [first, rest @ ..] => format!("`{first}` and {} more are", rest.len()),
    };
    let issuer = match ISSUERS.into_iter().find(|key| set(key)) {
        Some(key) => format!(" (`{key}` creates certificates only for hosts in `spec.tls`)"),
        None => String::new(),
    };
    Verdict::fails(place, format!("{served} served without TLS{issuer}"))
}

/// Whether something other than `spec.tls` enables TLS.
fn has_tls_elsewhere(ingress: &Object) -> bool {
    let annotated = CERTIFICATES.iter().any(|(key, value)| {
        ingress.annotation(key).map(str::trim).is_some_and(|said| match value {
            Some(value) => said.eq_ignore_ascii_case(value),
            None => !said.is_empty(),
        })
    });
    let class = ingress.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
    let class = class.or_else(|| ingress.annotation("kubernetes.io/ingress.class"));
    // For an HTTPS listener, AWS finds a certificate by host name.
    let listens = ingress.annotation("alb.ingress.kubernetes.io/listen-ports");
    annotated
        || listens.is_some_and(|ports| ports.contains("HTTPS"))
        || class.is_some_and(|class| TLS_ONLY.contains(&class))
}

/// The hosts in entries of `spec.tls`: exact names, and `*.x` for names one label below `x`.
struct Covered {
    /// An entry without hosts applies to all.
    all: bool,
    /// Patterns in lower case.
    patterns: HashSet<String>,
}

impl Covered {
    fn of(tls: &[Value<'_>]) -> Self {
        let hosts = |entry: &Value<'_>| -> Vec<String> {
            let hosts = entry.list("hosts").filter_map(Value::as_str);
            hosts.map(str::to_ascii_lowercase).collect()
        };
        let hosts: Vec<_> = tls.iter().map(hosts).collect();
        let all = hosts.iter().any(Vec::is_empty);
        Self { all, patterns: hosts.into_iter().flatten().collect() }
    }

    fn holds(&self, host: Option<&str>) -> bool {
        let Some(host) = host.map(str::to_ascii_lowercase) else { return self.all };
        let wildcard = || host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        self.all
            || self.patterns.contains(&host)
            || wildcard().is_some_and(|wildcard| self.patterns.contains(&wildcard))
    }
}
