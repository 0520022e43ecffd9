//! Requests that Istio gateways send to Services: a VirtualService refers to Gateways, a Gateway
//! selects the pods of a proxy, and Services route traffic to those.
//!
//! Out of scope: requests within the mesh, to which a VirtualService applies by default, and
//! Gateway API gateways.

use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object, Pod, Selector};
use pavisade_yaml::Value;

use super::backend::{Backend, Entries};
use super::load_balancer::{Reach, reach};
use super::policy::{all_pods, on_host_network};
use crate::{Derived, View, Why};

/// Whether a gateway is reachable from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Door {
    /// From anywhere.
    Open,
    /// Only from some addresses, or with a client certificate.
    Limited,
    /// Only from within the cluster.
    Closed,
    /// It could not be determined. Contains the reason.
    Unknown(Why),
}

/// A Service to which a VirtualService sends requests from gateways.
pub(super) struct Routed<'a> {
    pub(super) backend: Backend<'a>,
    pub(super) door: Door,
}

/// Returns the Services to which a VirtualService sends requests from gateways. `entries` has the
/// Services of Ingresses and other routes.
///
/// The check must read Services, workloads, Gateways and VirtualServices.
pub(super) fn routed<'a>(service: &'a Object, entries: &Entries, cx: &View<'a>) -> Vec<Routed<'a>> {
    let mut found = Vec::new();
    for (list, route) in routes(service) {
        let doors = doors(service, list, route, entries, cx);
        let Some(door) = doors.into_iter().reduce(wider) else { continue };
        let delegate = route.get("delegate").filter(|d| !d.is_null());
        let delegated = delegate.and_then(|delegate| {
            let namespace = delegate.str("namespace").unwrap_or(service.namespace());
            cx.get(kinds::VIRTUAL_SERVICE, namespace, delegate.str("name")?)
        });
        let own = destinations(service, route);
        let theirs = delegated
            .into_iter()
            .flat_map(|other| routes(other).flat_map(move |(_, route)| destinations(other, route)));
        let host = service.at(&["spec", "hosts"]).into_iter().flat_map(Value::items).next();
        let host = host.and_then(Value::as_str).filter(|host| *host != "*");
        found.extend(own.chain(theirs).map(|(place, name, namespace)| Routed {
            backend: Backend { place, service: name, namespace, host },
            door: door.clone(),
        }));
    }
    found
}

/// Returns the routes, each with the name of its list.
fn routes<'a>(service: &'a Object) -> impl Iterator<Item = (&'static str, Value<'a>)> {
    ["http", "tls", "tcp"].into_iter().flat_map(move |list| {
        let routes = service.at(&["spec", list]).into_iter().flat_map(Value::items);
        routes.map(move |route| (list, route))
    })
}

/// Returns the destinations of a route: the value, the Service and its namespace.
fn destinations<'a>(
    service: &'a Object,
    route: Value<'a>,
) -> impl Iterator<Item = (Value<'a>, &'a str, &'a str)> {
    let of_lists = ["route", "mirrors"].into_iter().flat_map(move |list| route.list(list));
    let destinations = of_lists.filter_map(|entry| entry.get("destination"));
    destinations.chain(route.get("mirror")).filter_map(|destination| {
        let place = destination.get("host")?;
        let host = place.as_str()?;
        // A short name is in the VirtualService's own namespace, a long one follows DNS.
        match host.split_once('.') {
            None => Some((place, host, service.namespace())),
            Some((name, rest)) => {
                let (namespace, rest) = rest.split_once('.')?;
                (rest == "svc" || rest.starts_with("svc.")).then_some((place, name, namespace))
            }
        }
    })
}

/// Returns how the gateways of a route are reachable.
fn doors<'a>(
    service: &'a Object,
    list: &str,
    route: Value<'a>,
    entries: &Entries,
    cx: &View<'a>,
) -> Vec<Door> {
    let own: Vec<&str> = names(service.at(&["spec", "gateways"]));
    let mut doors = Vec::new();
    let mut add = |gateways: &[&'a str], port: Option<i64>| {
        // Without gateways, it only applies to the mesh.
        for name in gateways.iter().filter(|name| **name != "mesh") {
            doors.push(door(service, name, port, list, entries, cx));
        }
    };
    let mut matches = route.list("match").peekable();
    if matches.peek().is_none() {
        add(&own, None);
    }
    for one in matches {
        let gateways = names(one.get("gateways"));
        let gateways = if gateways.is_empty() { &own } else { &gateways };
        add(gateways, one.get("port").and_then(Value::as_i64));
    }
    doors
}

pub(super) fn names(list: Option<Value<'_>>) -> Vec<&str> {
    list.into_iter().flat_map(Value::items).filter_map(Value::as_str).collect()
}

fn wider(one: Door, other: Door) -> Door {
    match (one, other) {
        (Door::Open, _) | (_, Door::Open) => Door::Open,
        (Door::Unknown(why), _) | (_, Door::Unknown(why)) => Door::Unknown(why),
        (Door::Limited, _) | (_, Door::Limited) => Door::Limited,
        (Door::Closed, Door::Closed) => Door::Closed,
    }
}

/// Returns how a VirtualService is reachable through a gateway.
fn door<'a>(
    service: &'a Object,
    name: &'a str,
    port: Option<i64>,
    list: &str,
    entries: &Entries,
    cx: &View<'a>,
) -> Door {
    let (namespace, name) = name.split_once('/').unwrap_or((service.namespace(), name));
    let Some(gateway) = cx.get(kinds::ISTIO_GATEWAY, namespace, name) else {
        let gateways = cx.list(kinds::ISTIO_GATEWAY);
        return match (gateways.gap(), gateways.coverage) {
            (Some(why), _) => Door::Unknown(why),
            // It is defined elsewhere, like the controller of an Ingress.
            (None, Coverage::Partial) => Door::Open,
            (None, _) => Door::Closed,
        };
    };
    let servers = gateway.at(&["spec", "servers"]).into_iter().flat_map(Value::items);
    let servers: Vec<_> = servers.filter(|s| serves(*s, gateway, service, port, list)).collect();
    if servers.is_empty() {
        return Door::Closed;
    }
    let certified = |server: &Value<'_>| {
        let mode = server.at(&["tls", "mode"]).and_then(Value::as_str);
        matches!(mode, Some("MUTUAL" | "ISTIO_MUTUAL"))
    };
    match proxy(gateway, entries, cx) {
        Door::Open if servers.iter().all(certified) => Door::Limited,
        door => door,
    }
}

/// Whether a server of a gateway serves the VirtualService's hosts on that port.
fn serves(
    server: Value<'_>,
    gateway: &Object,
    service: &Object,
    port: Option<i64>,
    list: &str,
) -> bool {
    let redirects = list == "http"
        && server.at(&["tls", "httpsRedirect"]).and_then(Value::as_bool) == Some(true);
    let number = server.at(&["port", "number"]).and_then(Value::as_i64);
    if redirects || port.is_some() && number != port {
        return false;
    }
    let hosts = names(service.at(&["spec", "hosts"]));
    server.list("hosts").filter_map(Value::as_str).any(|pattern| {
        let (namespace, pattern) = pattern.split_once('/').unwrap_or(("*", pattern));
        let near = match namespace {
            "*" => true,
            "." => gateway.namespace() == service.namespace(),
            named => named == service.namespace(),
        };
        near && hosts.iter().any(|host| overlap(pattern, host))
    })
}

/// Whether two hosts, which may begin with `*`, overlap.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(one), Some(other)) => one.ends_with(other) || other.ends_with(one),
        (Some(end), None) => other.ends_with(end),
        (None, Some(end)) => one.ends_with(end),
        (None, None) => one.eq_ignore_ascii_case(other),
    }
}

/// Returns how the proxy that a Gateway selects is reachable. Computed once per Gateway.
pub(super) fn proxy<'a>(gateway: &'a Object, entries: &Entries, cx: &View<'a>) -> Door {
    let key = format!("{} {}/{}", entries.has_istio, gateway.namespace(), gateway.name());
    cx.memo::<Door, _, _>(Entries::READS, key, (gateway, entries), find_proxy)
}

fn has(pod: &Pod<'_>, selector: &Selector<'_>) -> bool {
    selector.matches(|key| pod.labels().find(|(k, _)| *k == key).map(|(_, value)| value))
}

/// Returns the pods of all namespaces that the labels of a Gateway select.
pub(super) fn selected<'a>(labels: Value<'a>, cx: &View<'a>) -> Vec<Pod<'a>> {
    let selector = Selector::labels(labels).ok().filter(|selector| !selector.is_empty());
    let Some(selector) = selector else { return Vec::new() };
    all_pods(cx).into_iter().filter(|pod| has(pod, &selector)).collect()
}

fn find_proxy<'a>(cx: &View<'a>, (gateway, entries): (&'a Object, &Entries)) -> Door {
    let Some(labels) = gateway.at(&["spec", "selector"]).filter(|s| s.entries().next().is_some())
    else {
        return Door::Open;
    };
    if labels.entries().any(|(_, value)| value.as_str().is_some_and(|v| v.contains("egress"))) {
        // It is for traffic that leaves the mesh.
        return Door::Closed;
    }
    let gap = kinds::WORKLOADS.iter().chain([&kinds::SERVICE]).find_map(|kind| cx.gap(*kind));
    if let Some(why) = gap {
        return Door::Unknown(why);
    }
    if Selector::labels(labels).is_err() {
        return Door::Open;
    }
    let pods = selected(labels, cx);
    if pods.is_empty() {
        return match cx.coverage(kinds::DEPLOYMENT) {
            Coverage::Partial => Door::Open,
            _ => Door::Closed,
        };
    }
    let on_node = |pod: &Pod<'_>| {
        let mut ports = pod.containers().flat_map(|c| c.value().list("ports"));
        on_host_network(*pod) || ports.any(|port| port.get("hostPort").is_some())
    };
    if pods.iter().any(on_node) {
        return Door::Open;
    }
    let services = cx.list(kinds::SERVICE).objects.into_iter().filter(|service| {
        let own = service.at(&["spec", "selector"]).and_then(|own| Selector::labels(own).ok());
        own.filter(|own| !own.is_empty()).is_some_and(|own| {
            let mut near = pods.iter().filter(|pod| {
                let namespace = pod.object().namespace();
                namespace.is_empty()
                    || service.namespace().is_empty()
                    || namespace == service.namespace()
            });
            near.any(|pod| has(pod, &own))
        })
    });
    let doors = services.map(|service| {
        let addresses = service.at(&["spec", "externalIPs"]).into_iter().flat_map(Value::items);
        let kind = service.at(&["spec", "type"]).and_then(Value::as_str).unwrap_or("");
        if kind == "NodePort"
            || addresses.into_iter().next().is_some()
            || entries.to(service).is_some()
        {
            return Door::Open;
        }
        match (kind, reach(service)) {
            ("LoadBalancer", Reach::Open) => Door::Open,
            ("LoadBalancer", Reach::Limited) => Door::Limited,
            ("LoadBalancer", Reach::Unknown(why)) => Door::Unknown(why),
            _ => Door::Closed,
        }
    });
    doors.reduce(wider).unwrap_or(match cx.coverage(kinds::SERVICE) {
        Coverage::Partial => Door::Open,
        _ => Door::Closed,
    })
}

#[cfg(test)]
mod tests {
    use pavisade_model::{KubernetesVersion, kinds};
    use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::super::exposed_admin_interface::ExposedAdminInterface;
    use super::{Door, Entries, overlap, proxy};
    use crate::check::Described;
    use crate::{Derived, View};

    /// The second query is answered from the cache: with its entries, the result would be
    /// different.
    #[test]
    fn a_proxy_is_looked_for_once_for_each_gateway() {
        let text = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: shop}
spec: {selector: {istio: ingress}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: mesh, labels: {istio: ingress}}
spec: {containers: [{name: p, image: p}]}
---
apiVersion: v1
kind: Service
metadata: {name: p, namespace: mesh}
spec: {selector: {istio: ingress}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: p, namespace: mesh}
spec: {defaultBackend: {service: {name: p}}}
";
        let docs = read(&Source::new("test.yaml", text)).docs;
        let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
        let parts = WorldParts::files("w", WorldKind::Files, found);
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        let meta = ExposedAdminInterface::META;
        let cx = View::of_check(&snapshot.worlds()[0], &meta, KubernetesVersion::LATEST);
        let gateway = cx.get(kinds::ISTIO_GATEWAY, "shop", "g").unwrap();
        let known = Entries::make(&cx);
        assert_eq!(proxy(gateway, &known, &cx), Door::Open);
        let mut none = Entries::default();
        none.has_istio = true;
        assert_eq!(proxy(gateway, &none, &cx), Door::Open);
    }

    #[test]
    fn hosts_with_a_wildcard_overlap() {
        for (one, other, expected) in [
            ("a.example", "a.example", true),
            ("a.example", "b.example", false),
            ("*.example", "a.example", true),
            ("a.example", "*.example", true),
            ("*.b.example", "*.example", true),
            ("*.example", "example", false),
            ("*", "a", true),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
        }
    }
}
