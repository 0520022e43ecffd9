//! Gateway API routes: which attach to a listener, and whether they only redirect.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// Whether a route attaches to a listener of a Gateway.
pub(super) fn attaches(route: &Object, gateway: &Object, listener: Value<'_>) -> bool {
    let parents = route.at(&["spec", "parentRefs"]).into_iter().flat_map(Value::items);
    let refers = parents.filter(|parent| {
        let is = |field: &str, default: &str| parent.str(field).unwrap_or(default).to_owned();
        let namespace = parent.str("namespace").unwrap_or(route.namespace());
        let port = parent.get("port").and_then(Value::as_i64);
        is("group", "gateway.networking.k8s.io") == "gateway.networking.k8s.io"
            && is("kind", "Gateway") == "Gateway"
            && parent.str("name") == Some(gateway.name())
            && may_be_same(namespace, gateway.namespace())
            && parent.str("sectionName").is_none_or(|s| listener.str("name") == Some(s))
            && port.is_none_or(|p| listener.get("port").and_then(Value::as_i64) == Some(p))
    });
    refers.count() > 0 && allowed(route, gateway, listener) && shares_host(route, listener)
}

/// In files, an object without a namespace may be applied to any.
fn may_be_same(a: &str, b: &str) -> bool {
    a == b || a.is_empty() || b.is_empty()
}

/// Whether `allowedRoutes.namespaces.from`, by default `Same`, allows the route.
fn allowed(route: &Object, gateway: &Object, listener: Value<'_>) -> bool {
    let from = listener.at(&["allowedRoutes", "namespaces", "from"]).and_then(Value::as_str);
    match from.unwrap_or("Same") {
        "Same" => may_be_same(route.namespace(), gateway.namespace()),
        "None" => false,
        // A selector uses labels of namespaces, which may not be in the files.
        _ => true,
    }
}

/// Whether route and listener have a host in common. Unlike in certificates, a wildcard matches any
/// number of labels (GEP-1538).
fn shares_host(route: &Object, listener: Value<'_>) -> bool {
    let Some(own) = listener.str("hostname").filter(|h| !h.is_empty()) else { return true };
    let mut hosts = route.at(&["spec", "hostnames"]).into_iter().flat_map(Value::items).peekable();
    let within = |pattern: &str, host: &str| {
        pattern.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
    };
    hosts.peek().is_none()
        || hosts
            .filter_map(Value::as_str)
            .any(|host| host == own || within(own, host) || within(host, own))
}

/// Whether every rule of a route redirects to HTTPS, or serves nothing.
pub(super) fn only_redirects(route: &Object) -> bool {
    if route.kind() != "HTTPRoute" {
        return false;
    }
    let mut rules = route.at(&["spec", "rules"]).into_iter().flat_map(Value::items).peekable();
    // Without rules, the default rule matches all paths and has no backend.
    rules.all(|rule| {
        let redirects = rule.list("filters").any(|filter| {
            let scheme = filter.at(&["requestRedirect", "scheme"]).and_then(Value::as_str);
            filter.str("type") == Some("RequestRedirect") && scheme == Some("https")
        });
        redirects || rule.list("backendRefs").next().is_none() && rule.get("filters").is_none()
    })
}
