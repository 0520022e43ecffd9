//! Services, and what leads from outside to them: Ingress, Route and the routes of Gateway API.

use std::collections::HashMap;
use std::net::IpAddr;

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Selects, View};
use pavisade_yaml::Value;

use crate::addresses::Addresses;
use crate::cluster::{Namespace, Party, namespace_of};
use crate::connections::{Connections, Protocol};
use crate::profile::Assumptions;
use crate::selector::Selector;

/// Where a Service's port leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A number.
    Number(u16),
    /// A port of the pod by its name.
    Name(String),
}

/// A port of a Service.
#[derive(Debug, Clone)]
pub struct ServicePort {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// Where it leads to.
    pub target: Target,
    /// Its port on every node.
    pub node_port: Option<u16>,
}

/// How far a Service reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Inside of the cluster.
    Cluster,
    /// On every node.
    Nodes,
    /// By a load balancer or an external address.
    Outside,
    /// It is a name of something elsewhere.
    Elsewhere,
}

/// A Service.
#[derive(Debug, Clone)]
pub struct Service {
    /// The object.
    pub object: Object,
    /// Its namespace.
    pub namespace: String,
    /// Its pods; without one, its EndpointSlices say where it leads.
    pub selector: Option<Selector>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// How far it reaches.
    pub reach: Reach,
    /// Addresses that its EndpointSlices name, where it selects no pods.
    pub endpoints: Addresses,
    /// Ports of these.
    pub endpoint_ports: Connections,
}

/// A backend that is asked from outside.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What leads there: an Ingress, a Route.
    pub object: Object,
    /// The namespace of the Service.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// A port of the Service by number or name, or of the pods where `of_pods` says so; all of them
    /// where it is absent.
    pub port: Option<Target>,
    /// Whether the port is one of the pods.
    pub of_pods: bool,
}

/// An IngressClass.
#[derive(Debug, Clone)]
pub struct Class {
    pub(crate) name: String,
    /// The controller that serves its Ingresses.
    pub(crate) controller: String,
    /// Whether Ingresses without a class have it.
    pub(crate) is_default: bool,
}

impl Class {
    pub(crate) fn read_all(view: &View<'_>) -> Vec<Self> {
        let read = |class: &Object| {
            let marked = class.annotation("ingressclass.kubernetes.io/is-default-class");
            Some(Self {
                name: class.name().to_owned(),
                controller: class.at(&["spec", "controller"])?.as_str()?.to_owned(),
                is_default: marked.is_some_and(|value| value == "true"),
            })
        };
        view.list(kinds::INGRESS_CLASS).objects.into_iter().filter_map(read).collect()
    }
}

impl Service {
    /// `shop/web`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.object.name())
    }

    pub(crate) fn read_all(view: &View<'_>, assumed: &Assumptions) -> (Vec<Self>, Vec<Entry>) {
        let objects = view.list(kinds::SERVICE).objects.into_iter();
        let mut services: Vec<_> = objects.map(|object| Self::read(object, assumed)).collect();
        let places = services.iter().enumerate();
        let places = places.map(|(place, service): (usize, &Self)| (service.path(), place));
        let places: HashMap<_, _> = places.collect();
        for slice in view.list(kinds::ENDPOINT_SLICE).objects {
            let name = slice.label("kubernetes.io/service-name").unwrap_or("");
            let path = format!("{}/{name}", namespace_of(slice, assumed));
            if let Some(service) = places.get(&path).and_then(|place| services.get_mut(*place)) {
                service.add_slice(slice);
            }
        }
        (services, entries(view, assumed))
    }

    fn read(object: &Object, assumed: &Assumptions) -> Self {
        let spec = object.at(&["spec"]);
        let kind = spec.and_then(|spec| spec.str("type")).unwrap_or("ClusterIP");
        let external = spec.is_some_and(|spec| spec.list("externalIPs").next().is_some());
        let reach = match kind {
            "ExternalName" => Reach::Elsewhere,
            "LoadBalancer" => Reach::Outside,
            _ if external => Reach::Outside,
            "NodePort" => Reach::Nodes,
            _ => Reach::Cluster,
        };
        let selector = spec.and_then(|spec| spec.get("selector")).filter(|s| !s.is_null());
        let selector = selector.filter(|s| s.entries().next().is_some()).map(|selector| {
            Selector::of_labels(selector.entries().filter_map(|(k, v)| Some((k, v.as_str()?))))
        });
        let ports = spec.into_iter().flat_map(|spec| spec.list("ports")).filter_map(read_port);
        Self {
            object: object.clone(),
            namespace: namespace_of(object, assumed),
            selector,
            ports: ports.collect(),
            reach,
            endpoints: Addresses::default(),
            endpoint_ports: Connections::none(),
        }
    }

    fn add_slice(&mut self, slice: &Object) {
        for endpoint in slice.value().list("endpoints") {
            for address in endpoint.list("addresses").filter_map(Value::as_str) {
                if let Ok(address) = address.parse::<IpAddr>() {
                    self.endpoints = self.endpoints.union(&Addresses::one(address));
                }
            }
        }
        for port in slice.value().list("ports") {
            let protocol = Protocol::read(port.str("protocol").unwrap_or("TCP"));
            let number = port.get("port").and_then(number);
            if let (Some(protocol), Some(number)) = (protocol, number) {
                let port = Connections::port(protocol, number);
                self.endpoint_ports = self.endpoint_ports.union(&port);
            }
        }
    }

    /// Whether a party is behind it.
    pub fn selects(&self, party: &Party, namespaces: &[Namespace]) -> Selects {
        let Some(selector) = &self.selector else {
            let known = party.addresses.as_ref().filter(|_| !self.endpoints.is_empty());
            return known.is_some_and(|own| !own.intersect(&self.endpoints).is_empty()).into();
        };
        let namespace = party.namespace.and_then(|place| namespaces.get(place));
        if namespace.is_none_or(|namespace| namespace.name != self.namespace) {
            return Selects::No;
        }
        selector.selects(|key| party.labels.get(key))
    }

    /// Where the ports that `wanted` chooses lead to in a party.
    pub fn targets(&self, party: &Party, wanted: impl Fn(&ServicePort) -> bool) -> Connections {
        let ports = self.ports.iter().filter(|port| wanted(port));
        ports.fold(Connections::none(), |all, port| all.union(&target(port, party)))
    }

    /// The port that a number or name means.
    pub fn port(&self, wanted: &Target) -> Option<&ServicePort> {
        self.ports.iter().find(|port| match wanted {
            Target::Number(number) => port.number == *number,
            Target::Name(name) => port.name == *name,
        })
    }
}

fn target(port: &ServicePort, party: &Party) -> Connections {
    match &port.target {
        Target::Number(number) => Connections::port(port.protocol, *number),
        Target::Name(name) => named(name, port.protocol, party),
    }
}

fn named(name: &str, protocol: Protocol, party: &Party) -> Connections {
    let own = party.ports.iter().filter(|own| own.name == *name && own.protocol == protocol);
    own.fold(Connections::none(), |all, own| {
        all.union(&Connections::port(own.protocol, own.number))
    })
}

impl Entry {
    /// Where it leads to in a party behind the Service.
    pub fn targets(&self, service: &Service, party: &Party) -> Connections {
        match &self.port {
            None => service.targets(party, |_| true),
            Some(wanted) => {
                // A Route names the port of the pods, or that of the Service.
                let is = |port: &ServicePort| {
                    let own = match wanted {
                        Target::Number(number) => port.number == *number,
                        Target::Name(name) => port.name == *name,
                    };
                    own || self.of_pods && port.target == *wanted
                };
                service.targets(party, is)
            }
        }
    }
}

fn number(value: Value<'_>) -> Option<u16> {
    value.as_i64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn read_port(port: Value<'_>) -> Option<ServicePort> {
    let own = port.get("port").and_then(number)?;
    let target = port.get("targetPort").filter(|target| !target.is_null());
    Some(ServicePort {
        name: port.str("name").unwrap_or("").to_owned(),
        protocol: Protocol::read(port.str("protocol").unwrap_or("TCP"))?,
        number: own,
        target: target.and_then(read_target).unwrap_or(Target::Number(own)),
        node_port: port.get("nodePort").and_then(number),
    })
}

fn read_target(value: Value<'_>) -> Option<Target> {
    match value.as_str() {
        // Templates quote numbers.
        Some(text) => match text.parse() {
            Ok(number) => Some(Target::Number(number)),
            Err(_) => Some(Target::Name(text.to_owned())),
        },
        None => number(value).map(Target::Number),
    }
}

fn entries(view: &View<'_>, assumed: &Assumptions) -> Vec<Entry> {
    let mut entries = Vec::new();
    for kind in kinds::ENTRIES {
        for object in view.list(*kind).objects {
            let namespace = namespace_of(object, assumed);
            if object.kind() == "Ingress" {
                ingress(object, &namespace, &mut entries);
            } else {
                gateway(object, &namespace, &mut entries);
            }
        }
    }
    for object in view.list(kinds::ROUTE).objects {
        let namespace = namespace_of(object, assumed);
        let spec = object.at(&["spec"]);
        let port = object.at(&["spec", "port", "targetPort"]).and_then(read_target);
        let to = spec.and_then(|spec| spec.get("to")).into_iter();
        let others = spec.into_iter().flat_map(|spec| spec.list("alternateBackends"));
        for backend in to.chain(others) {
            if backend.str("kind").is_none_or(|kind| kind == "Service")
                && let Some(service) = backend.str("name")
            {
                entries.push(Entry {
                    object: object.clone(),
                    namespace: namespace.clone(),
                    service: service.to_owned(),
                    port: port.clone(),
                    of_pods: true,
                });
            }
        }
    }
    entries
}

fn ingress(object: &Object, namespace: &str, entries: &mut Vec<Entry>) {
    let spec = object.at(&["spec"]);
    let default = spec.and_then(|spec| spec.get("defaultBackend").or_else(|| spec.get("backend")));
    let rules = spec.into_iter().flat_map(|spec| spec.list("rules"));
    let paths = rules.filter_map(|rule| rule.at(&["http"])).flat_map(|http| http.list("paths"));
    let backends = default.into_iter().chain(paths.filter_map(|path| path.get("backend")));
    for backend in backends {
        // `extensions/v1beta1` has the fields beside each other.
        let (service, port) = match backend.get("service") {
            Some(service) => {
                let port = service.get("port");
                let one = |field: &str| port.and_then(|port| port.get(field)).and_then(read_target);
                (service.str("name"), one("number").or_else(|| one("name")))
            }
            None => (backend.str("serviceName"), backend.get("servicePort").and_then(read_target)),
        };
        if let Some(service) = service {
            entries.push(Entry {
                object: object.clone(),
                namespace: namespace.to_owned(),
                service: service.to_owned(),
                port,
                of_pods: false,
            });
        }
    }
}

fn gateway(object: &Object, namespace: &str, entries: &mut Vec<Entry>) {
    let rules = object.at(&["spec"]).into_iter().flat_map(|spec| spec.list("rules"));
    for backend in rules.flat_map(|rule| rule.list("backendRefs")) {
        let service = backend.str("kind").is_none_or(|kind| kind == "Service");
        if let Some(name) = backend.str("name").filter(|_| service) {
            entries.push(Entry {
                object: object.clone(),
                namespace: backend.str("namespace").unwrap_or(namespace).to_owned(),
                service: name.to_owned(),
                port: backend.get("port").and_then(read_target),
                of_pods: false,
            });
        }
    }
}
