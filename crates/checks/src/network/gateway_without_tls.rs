//! PV-N010.

use pavisade_macros::check;
use pavisade_model::{Gap, GroupKind, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::route::{attaches, only_redirects};
use crate::field::list;
use crate::{Check, Claim, Cx, OnObject, Verdict, View, Why};

/// Gateway without TLS
///
/// ## Why
/// Passwords, sessions and responses cross the network in plain text, and can be modified in
/// transit.
///
/// ## Fix
/// Set `protocol: HTTPS` and a certificate for the listener. Keep an HTTP listener only for a route
/// that redirects to `https`.
#[check(
    id = "PV-N010",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    on = [GATEWAY, ISTIO_GATEWAY],
    reads = [HTTP_ROUTE, GRPC_ROUTE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewayWithoutTls {}

impl Check for GatewayWithoutTls {
    type On = OnObject;

    fn check<'a>(&self, gateway: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if gateway.group() == kinds::ISTIO_GATEWAY.group {
            return istio(gateway);
        }
        match list(gateway.value(), &["spec", "listeners"]) {
            Ok(listeners) => Verdict::all(listeners.map(|l| judge(gateway, l, cx))),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge<'a>(gateway: &'a Object, listener: Value<'a>, cx: &View<'a>) -> Verdict<'a> {
    let Some(protocol) = listener.get("protocol") else { return Verdict::NotApplicable };
    match protocol.as_str() {
        Some("HTTP") => {}
        Some("HTTPS" | "TLS") => return Verdict::Holds,
        // TCP, UDP and a controller's own protocols may be encrypted by the application.
        _ => return Verdict::NotApplicable,
    }
    let name = listener.str("name").unwrap_or("");
    let (mut any, mut complete) = (false, true);
    for kind in [kinds::HTTP_ROUTE, kinds::GRPC_ROUTE] {
        let routes = cx.seen(kind);
        if let Some(why) = routes.gap() {
            return Verdict::unknown(protocol, why);
        }
        complete &= routes.coverage != Coverage::Partial;
        for route in attached(kind, gateway, cx) {
            if !attaches(route, gateway, listener) {
                continue;
            }
            any = true;
            if !only_redirects(route) {
                return Verdict::fails(
                    protocol,
                    format!(
                        "listener `{name}` serves {} `{}` without TLS",
                        kind.kind,
                        route.name()
                    ),
                );
            }
        }
    }
    if any || complete {
        return Verdict::Holds;
    }
    let why = format!(
        "listener `{name}` uses HTTP, and no route that attaches to it is in these files: it may \
         only redirect"
    );
    Verdict::unknown(protocol, Why::of(Gap::object("HTTPRoute", "", ""), why))
}

/// Returns the routes that refer to the Gateway, in any namespace.
fn attached<'a>(kind: GroupKind, gateway: &Object, cx: &View<'a>) -> Vec<&'a Object> {
    struct Grpc;
    let parents = |route: &Object| {
        let parents = route.at(&["spec", "parentRefs"]).into_iter().flat_map(Value::items);
        parents.filter_map(|parent| parent.str("name").map(str::to_owned)).collect()
    };
    match kind == kinds::GRPC_ROUTE {
        true => cx.indexed::<Grpc>(kind, parents, gateway.name()),
        false => cx.indexed::<GatewayWithoutTls>(kind, parents, gateway.name()),
    }
}

/// Checks Istio's own Gateway: a server without `tls` on a port with a plain protocol.
fn istio(gateway: &Object) -> Verdict<'_> {
    let selects_egress = gateway.at(&["spec", "selector"]).is_some_and(|s| {
        s.entries().any(|(_, v)| v.as_str().is_some_and(|v| v.contains("egress")))
    });
    if selects_egress {
        // Whether the mesh encrypts traffic to the egress gateway depends on PeerAuthentication.
        return Verdict::NotApplicable;
    }
    let servers = match list(gateway.value(), &["spec", "servers"]) {
        Ok(servers) => servers,
        Err(wrong) => return wrong.into(),
    };
    Verdict::all(servers.map(|server| {
        let Some(protocol) = server.at(&["port", "protocol"]) else {
            return Verdict::NotApplicable;
        };
        let redirects = server.at(&["tls", "httpsRedirect"]).and_then(Value::as_bool);
        match protocol.as_str() {
            Some(p) if ["HTTPS", "TLS"].iter().any(|s| p.eq_ignore_ascii_case(s)) => Verdict::Holds,
            Some(p)
                if ["HTTP", "HTTP2", "GRPC", "GRPC-WEB"]
                    .iter()
                    .any(|plain| p.eq_ignore_ascii_case(plain)) =>
            {
                if redirects == Some(true) {
                    return Verdict::Holds;
                }
                let hosts = server.list("hosts").filter_map(Value::as_str);
                let hosts: Vec<_> = hosts.map(|h| format!("`{h}`")).collect();
                Claim::fails(
                    protocol,
                    format!(
                        "{} served over {p} without TLS",
                        match &hosts[..] {
                            [] => "its hosts are".to_owned(),
                            [one] => format!("host {one} is"),
                            many => format!("hosts {} are", many.join(", ")),
                        }
                    ),
                )
                .into()
            }
            _ => Verdict::NotApplicable,
        }
    }))
}
