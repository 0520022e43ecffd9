//! The Services to which Ingresses and Gateway API routes send requests.

use std::collections::HashMap;

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::istio::{self, Door};
use crate::{Derived, Reads, View, Why};

/// A reference to a Service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backend<'a> {
    /// The value with the name of the Service.
    pub(super) place: Value<'a>,
    pub(super) service: &'a str,
    pub(super) namespace: &'a str,
    /// The host of the rule, if set.
    pub(super) host: Option<&'a str>,
}

impl Backend<'_> {
    /// Returns namespace and name of the Service.
    fn key(&self) -> (String, String) {
        (self.namespace.to_owned(), self.service.to_owned())
    }
}

/// Returns the Services that an Ingress or a route refers to.
pub(super) fn backends(object: &Object) -> Vec<Backend<'_>> {
    if object.kind() == "Ingress" { of_ingress(object) } else { of_route(object) }
}

fn of_ingress(ingress: &Object) -> Vec<Backend<'_>> {
    let default = ["defaultBackend", "backend"].into_iter();
    let default = default.filter_map(|field| Some((ingress.at(&["spec", field])?, None)));
    let rules = ingress.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
    let paths = rules.flat_map(|rule| {
        let host = rule.str("host").filter(|host| !host.is_empty());
        let paths = rule.at(&["http", "paths"]).into_iter().flat_map(Value::items);
        paths.filter_map(move |path| Some((path.get("backend")?, host)))
    });
    let names = default.chain(paths).filter_map(|(backend, host)| {
        let place = backend.at(&["service", "name"]).or_else(|| backend.get("serviceName"))?;
        let service = place.as_str().filter(|name| !name.is_empty())?;
        Some(Backend { place, service, namespace: ingress.namespace(), host })
    });
    names.collect()
}

fn of_route(route: &Object) -> Vec<Backend<'_>> {
    let mut hosts = route.at(&["spec", "hostnames"]).into_iter().flat_map(Value::items);
    let host = hosts.next().and_then(Value::as_str);
    let rules = route.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
    let references = rules.flat_map(|rule| rule.list("backendRefs"));
    let services = references.filter(|reference| {
        reference.str("group").unwrap_or("").is_empty()
            && reference.str("kind").unwrap_or("Service") == "Service"
    });
    let names = services.filter_map(|reference| {
        let place = reference.get("name")?;
        let namespace = reference.str("namespace").unwrap_or(route.namespace());
        Some(Backend { place, service: place.as_str()?, namespace, host })
    });
    names.collect()
}

/// What routes traffic to each Service, by namespace and name: the kind and name of an Ingress or
/// route.
#[derive(Default)]
pub(crate) struct Entries {
    open: HashMap<(String, String), (String, String)>,
    /// The reason why it is not known whether an Istio gateway routes to a Service.
    unknown: HashMap<(String, String), Why>,
    /// Whether routes of Istio gateways are included.
    pub(super) has_istio: bool,
}

impl Derived for Entries {
    const READS: Reads =
        &[kinds::ENTRIES, kinds::ISTIO_ROUTES, kinds::WORKLOADS, &[kinds::SERVICE]];

    fn make(cx: &View<'_>) -> Self {
        let mut entries = Self::without_istio(cx);
        let (mut open, mut unknown) = (Vec::new(), Vec::new());
        for service in cx.list(kinds::VIRTUAL_SERVICE).objects {
            for routed in istio::routed(service, &entries, cx) {
                let key = routed.backend.key();
                match routed.door {
                    Door::Open | Door::Limited => {
                        open.push((key, (service.kind().to_owned(), service.name().to_owned())));
                    }
                    Door::Unknown(why) => unknown.push((key, why)),
                    Door::Closed => {}
                }
            }
        }
        for (key, by) in open {
            entries.open.entry(key).or_insert(by);
        }
        entries.unknown.extend(unknown);
        entries.has_istio = true;
        entries
    }
}

impl Entries {
    fn without_istio(cx: &View<'_>) -> Self {
        let mut entries = Self::default();
        for object in kinds::ENTRIES.iter().flat_map(|kind| cx.list(*kind).objects) {
            // A mesh route, whose parent is a Service, only routes traffic from inside.
            let parents = object.at(&["spec", "parentRefs"]).into_iter().flat_map(Value::items);
            let of_mesh = |parent: Value<'_>| parent.str("kind") == Some("Service");
            let mut parents = parents.peekable();
            if parents.peek().is_some() && parents.all(of_mesh) {
                continue;
            }
            for backend in backends(object) {
                let by = || (object.kind().to_owned(), object.name().to_owned());
                entries.open.entry(backend.key()).or_insert_with(by);
            }
        }
        entries
    }

    /// Returns what routes to a Service. In files, the namespace of an Ingress may be set when it
    /// is applied.
    pub(crate) fn to(&self, service: &Object) -> Option<&(String, String)> {
        find(&self.open, service)
    }

    /// Returns the reason why it is not known whether a gateway routes to a Service.
    pub(crate) fn unknown(&self, service: &Object) -> Option<&Why> {
        find(&self.unknown, service)
    }
}

fn find<'m, T>(of: &'m HashMap<(String, String), T>, service: &Object) -> Option<&'m T> {
    let find = |namespace: &str| of.get(&(namespace.to_owned(), service.name().to_owned()));
    find(service.namespace()).or_else(|| find(""))
}
