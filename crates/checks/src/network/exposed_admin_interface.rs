//! PV-N030.

use pavisade_macros::check;
use pavisade_model::{Confidence, kinds};
use pavisade_snapshot::{Object, Pod, Selector, Selects};
use pavisade_yaml::{Value, to_json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::admin_interface::{by_image, by_service};
use super::annotation::{Annotation, annotations};
use super::backend::{Backend, Entries, backends};
use super::exposed_load_balancer::behind;
use super::istio::{self, Door, Routed};
use super::istio_guard::{Guard, guard};
use super::load_balancer::{Reach, lists_some, reach};
use super::policy::{Seen, pods_with};
use super::subject::selects;
use crate::field::text;
use crate::{Check, Claim, Cx, OnObject, Verdict, View, Why};

/// Admin interface is exposed
///
/// ## Why
/// A missing login or a single vulnerability in an exposed dashboard, notebook or database console
/// gives an attacker a shell in the cluster.
///
/// ## Fix
/// Access it with `kubectl port-forward` or a VPN. Or put an authenticating proxy in front
/// (`auth-url`, client certificates, oauth2-proxy) and restrict who can log in.
#[check(
    id = "PV-N030",
    severity = High,
    confidence = Medium,
    scope = Related,
    on = [SERVICE, INGRESS, INGRESS_EXTENSIONS, VIRTUAL_SERVICE],
    reads = [
        ..WORKLOADS,
        ..NETWORK_POLICIES,
        ..ENTRIES,
        ..ISTIO_ROUTES,
        AUTHORIZATION_POLICY,
        NAMESPACE,
        SERVICE,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedAdminInterface {}

impl Check for ExposedAdminInterface {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::SERVICE) {
            service(object, cx)
        } else if object.is(kinds::VIRTUAL_SERVICE) {
            virtual_service(object, cx)
        } else {
            ingress(object, cx)
        }
    }
}

fn service<'a>(service: &'a Object, cx: &View<'a>) -> Verdict<'a> {
    let (kind, place) = match text(service.value(), &["spec", "type"]) {
        Ok(Some((kind @ ("LoadBalancer" | "NodePort"), place))) => (kind, place),
        Ok(_) => return Verdict::NotApplicable,
        Err(wrong) => return wrong.into(),
    };
    let found = match interface(service, cx) {
        Behind::Interface(found) => found,
        Behind::Other => return Verdict::Holds,
        Behind::Unseen(Some(why)) => return Verdict::unknown(place, why),
        Behind::Unseen(None) => return Verdict::NotApplicable,
    };
    let reach = match (kind, reach(service)) {
        ("LoadBalancer", Reach::Limited) => return Verdict::Holds,
        ("LoadBalancer", Reach::Unknown(why)) => Reach::Unknown(why),
        _ => behind(service, cx),
    };
    match reach {
        Reach::Limited => Verdict::Holds,
        Reach::Unknown(why) => Verdict::unknown(place, why),
        Reach::Open => found.claim(place, &format!("`type: {kind}` exposes")).into(),
    }
}

fn ingress<'a>(ingress: &'a Object, cx: &View<'a>) -> Verdict<'a> {
    let backends = backends(ingress);
    if backends.is_empty() || is_protected(ingress) {
        return Verdict::NotApplicable;
    }
    let mut named: Vec<&str> = Vec::new();
    let mut verdicts = Vec::new();
    for backend in backends {
        if named.contains(&backend.service) {
            continue;
        }
        named.push(backend.service);
        verdicts.push(judge(backend, "the Ingress exposes", cx));
    }
    Verdict::all(verdicts)
}

fn judge<'a>(backend: Backend<'a>, opens: &str, cx: &View<'a>) -> Verdict<'a> {
    match cx.get(kinds::SERVICE, backend.namespace, backend.service) {
        Some(service) => match interface(service, cx) {
            Behind::Interface(found) => found.claim(backend.place, opens).into(),
            Behind::Other => Verdict::Holds,
            Behind::Unseen(Some(why)) => Verdict::unknown(backend.place, why),
            Behind::Unseen(None) => Verdict::NotApplicable,
        },
        None => match (cx.gap(kinds::SERVICE), by_service(backend.service)) {
            (Some(why), _) => Verdict::unknown(backend.place, why),
            (None, Some(what)) => {
                let found = Found { what, confidence: Confidence::Low };
                found.claim(backend.place, opens).into()
            }
            (None, None) => Verdict::NotApplicable,
        },
    }
}

/// Checks what Istio gateways expose.
fn virtual_service<'a>(service: &'a Object, cx: &View<'a>) -> Verdict<'a> {
    let entries = cx.derive::<Entries>();
    let guards = match guard(service, &entries, cx) {
        Guard::Asks => return Verdict::NotApplicable,
        Guard::Unknown(why) => Some(why),
        Guard::Open => cx.gap(kinds::AUTHORIZATION_POLICY),
    };
    let mut routed = istio::routed(service, &entries, cx);
    routed.sort_by_key(|routed| routed.door != Door::Open);
    let mut named: Vec<(&str, &str)> = Vec::new();
    let mut verdicts = Vec::new();
    for Routed { backend, door } in routed {
        let name = (backend.namespace, backend.service);
        if named.contains(&name) {
            continue;
        }
        named.push(name);
        let verdict = judge(backend, "the VirtualService exposes", cx);
        verdicts.push(match (door, verdict, guards.clone()) {
            (Door::Closed, ..) => Verdict::NotApplicable,
            (Door::Limited, Verdict::Fails(_), _) => Verdict::Holds,
            (Door::Unknown(why), Verdict::Fails(_), _) | (_, Verdict::Fails(_), Some(why)) => {
                Verdict::unknown(backend.place, why)
            }
            (_, verdict, _) => verdict,
        });
    }
    Verdict::all(verdicts)
}

/// Whether the controller requires a login or restricts addresses, or is only reachable in a
/// private network.
fn is_protected(ingress: &Object) -> bool {
    const NAMES: [&str; 8] = [
        "auth-url",
        "auth-type",
        "auth-secret",
        "auth-tls-secret",
        "router.middlewares",
        "oauth",
        "basic-auth-secret",
        "plugins",
    ];
    const LISTS: [&str; 5] = [
        "whitelist-source-range",
        "allowlist-source-range",
        "inbound-cidrs",
        "allow-list",
        "whitelist",
    ];
    let class = ingress.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
    let class = class.or_else(|| ingress.annotation("kubernetes.io/ingress.class")).unwrap_or("");
    class.contains("internal")
        || class.contains("private")
        || class == "tailscale"
        || annotations(ingress).any(|Annotation { name, value, .. }| {
            // AWS: `alb.ingress.kubernetes.io/auth-type: none` is not a login.
            NAMES.contains(&name) && !matches!(value.as_str(), None | Some("" | "none"))
                || LISTS.contains(&name) && value.as_str().is_some_and(lists_some)
                || name == "scheme" && value.as_str() == Some("internal")
        })
}

struct Found {
    what: &'static str,
    confidence: Confidence,
}

impl Found {
    fn claim<'a>(&self, place: Value<'a>, by: &str) -> Claim<'a> {
        let message = format!("{by} {} to anyone who can reach it", self.what);
        Claim::fails(place, message).confidence(self.confidence)
    }
}

enum Behind {
    Interface(Found),
    Other,
    /// Its pods are missing. Contains the reason if they could not be read.
    Unseen(Option<Why>),
}

/// Returns whether pods of a namespace have the labels that a Service selects, and the interface of
/// one of them.
fn has_interface<'a>(
    cx: &View<'a>,
    (namespace, labels, selector): (&'a str, Value<'a>, Selector<'a>),
) -> (bool, Option<&'static str>) {
    let pods = pods_with(namespace, labels, cx);
    let is = |pod: &Pod<'a>| selects(Some(&selector), namespace, *pod) == Selects::Yes;
    let mut pods = pods.filter(is).peekable();
    (pods.peek().is_some(), pods.find_map(of_pod))
}

/// Returns what is behind a Service.
fn interface<'a>(service: &'a Object, cx: &View<'a>) -> Behind {
    let labels = service.at(&["spec", "selector"]).filter(|s| s.entries().next().is_some());
    let (mut selected, mut refused) = (false, None);
    if let Some((labels, Ok(selector))) = labels.map(|labels| (labels, Selector::labels(labels))) {
        let key = format!("{} {}", service.namespace(), to_json(labels));
        let of = (service.namespace(), labels, selector);
        let (any, what) = cx.memo::<Behind, _, _>(&[kinds::WORKLOADS], key, of, has_interface);
        selected = any;
        if let Some(what) = what {
            return Behind::Interface(Found { what, confidence: Confidence::Medium });
        }
        refused = Seen::of(cx).refused;
    }
    match refused {
        Some(why) => Behind::Unseen(Some(why)),
        None if selected => Behind::Other,
        None => match by_service(service.name()) {
            Some(what) => Behind::Interface(Found { what, confidence: Confidence::Low }),
            None => Behind::Unseen(None),
        },
    }
}

fn of_pod(pod: Pod<'_>) -> Option<&'static str> {
    let main = pod.spec().list("containers").filter_map(|c| c.str("image"));
    main.into_iter().find_map(by_image)
}
