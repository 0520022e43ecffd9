//! PV-N057.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::annotation::{Annotation, annotations};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Ingress authentication is ineffective
///
/// ## Why
/// With `auth-tls-verify-client: optional_no_ca`, any client certificate is accepted, even a
/// self-signed one; with `off`, none is required. A plain HTTP `auth-url` exposes the cookies and
/// tokens of all users, and an attacker in between can approve any request.
///
/// ## Fix
/// Set `auth-tls-verify-client: "on"`, and use an `https` address or a Service in the cluster for
/// `auth-url`.
#[check(
    id = "PV-N057",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakIngressAuthentication {}

impl Check for WeakIngressAuthentication {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let named = |wanted: &'static str| annotations(ingress).filter(move |a| a.name == wanted);
        let asks = named("auth-tls-secret").next().is_some();
        let (mut any, mut claims) = (asks, Vec::new());
        for Annotation { key, value, .. } in named("auth-tls-verify-client").filter(|_| asks) {
            let message = match value.as_str().map(str::trim) {
                Some("optional_no_ca") => format!("`{key}` accepts any client certificate"),
                Some("off") => format!("`{key}` requires no client certificate"),
                _ => continue,
            };
            claims.push(Claim::fails(value, message).set("on"));
        }
        for Annotation { key, value, .. } in named("auth-url") {
            any = true;
            if let Some(host) = value.as_str().and_then(plain_host) {
                let message =
                    format!("`{key}` sends authentication requests to `{host}` in plain text");
                claims.push(Claim::fails(value, message));
            }
        }
        if any { Verdict::from_claims(claims) } else { Verdict::NotApplicable }
    }
}

/// Returns the host of a plain HTTP URL outside the cluster.
fn plain_host(url: &str) -> Option<&str> {
    let rest = url.trim().strip_prefix("http://")?;
    let host = rest.split(['/', ':', '?', '#']).next()?;
    let inside = !host.contains('.')
        || host.contains(".svc")
        || host.ends_with(".cluster.local")
        || host.contains(['$', '{'])
        // The proxy's own pod, and addresses in the network.
        || host.parse::<std::net::IpAddr>().is_ok();
    (!inside).then_some(host)
}
