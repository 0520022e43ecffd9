//! What the configuration of workloads names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Pod, Selects, View};
use pavisade_yaml::Value;

use super::{Need, Side};
use crate::addresses::Addresses;
use crate::cluster::namespace_of;
use crate::connections::{Connections, Protocol};
use crate::network::Network;
use crate::service::{Entry, Reach, Service};

/// What policies could not cover.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    /// Policies do not reach the workload: it is in the network of its node.
    HostNetwork(usize),
    /// The pods have no labels by which a policy could select them.
    NoLabels(usize),
    /// The workload names something outside of the cluster, of which addresses are not known.
    Elsewhere(usize, String),
    /// It names a Service without pods.
    NoPods(usize, String),
}

/// Bytes of a ConfigMap that are looked at.
const MOST: usize = 256 * 1024;

pub(super) fn find(view: &View<'_>, network: &Network) -> (Vec<Need>, Vec<Unmet>) {
    let mut needs = BTreeSet::new();
    let mut unmet = Vec::new();
    let services = network.services.iter().map(|s| ((s.namespace.as_str(), s.object.name()), s));
    let services: BTreeMap<_, _> = services.collect();
    for (place, workload) in network.workloads.iter().enumerate() {
        let named = Named { network, services: &services, place, namespace: &workload.namespace };
        for (text, because) in texts(view, network, &workload.object) {
            named.find(&text, &because, &mut needs, &mut unmet);
        }
    }
    entrances(network, &mut needs);
    (joined(needs), unmet)
}

/// One need for all that names the same connection.
fn joined(needs: BTreeSet<Need>) -> Vec<Need> {
    let mut joined: Vec<Need> = Vec::new();
    for need in needs {
        match joined
            .iter_mut()
            .find(|n| (&n.from, &n.to, &n.ports) == (&need.from, &need.to, &need.ports))
        {
            Some(known) => {
                if known.because.len() < 200 {
                    known.because = format!("{}, {}", known.because, need.because);
                }
            }
            None => joined.push(need),
        }
    }
    joined
}

/// Variables, arguments and ConfigMaps of the pods that an object makes.
fn texts(view: &View<'_>, network: &Network, object: &Object) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let namespace = namespace_of(object, &network.assumed);
    for pod in object.pods() {
        for container in pod.containers() {
            let value = container.value();
            for variable in value.list("env") {
                let name = variable.str("name").unwrap_or("");
                if let Some(text) = variable.str("value") {
                    all.push((text.to_owned(), format!("variable {name}")));
                }
            }
            for field in ["command", "args"] {
                for text in value.list(field).filter_map(Value::as_str) {
                    all.push((text.to_owned(), format!("arguments of {}", container.name())));
                }
            }
        }
        for name in config_maps(pod) {
            let map = view.get(kinds::CONFIG_MAP, &namespace, name);
            let map = map.or_else(|| view.get(kinds::CONFIG_MAP, object.namespace(), name));
            let data = map.and_then(|map| map.at(&["data"]));
            for (key, value) in data.into_iter().flat_map(Value::entries) {
                if let Some(text) = value.as_str().filter(|text| text.len() <= MOST) {
                    all.push((text.to_owned(), format!("ConfigMap {name}, {key}")));
                }
            }
        }
    }
    all
}

fn config_maps(pod: Pod<'_>) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for container in pod.containers() {
        let value = container.value();
        names.extend(value.list("envFrom").filter_map(|f| f.get("configMapRef")?.str("name")));
        let refs = value.list("env").filter_map(|v| v.at(&["valueFrom", "configMapKeyRef"]));
        names.extend(refs.filter_map(|r| r.str("name")));
    }
    for volume in pod.volumes() {
        names.extend(volume.get("configMap").and_then(|map| map.str("name")));
        let sources = volume.get("projected").into_iter().flat_map(|p| p.list("sources"));
        names.extend(sources.filter_map(|s| s.get("configMap")?.str("name")));
    }
    names
}

/// Finds Services in texts of one workload.
struct Named<'a> {
    network: &'a Network,
    services: &'a BTreeMap<(&'a str, &'a str), &'a Service>,
    place: usize,
    namespace: &'a str,
}

impl Named<'_> {
    fn find(&self, text: &str, because: &str, needs: &mut BTreeSet<Need>, unmet: &mut Vec<Unmet>) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-._:/@".contains(c);
        for token in text.split(|c| !is_part(c)).filter(|token| !token.is_empty()) {
            let (url, rest) = match token.split_once("://") {
                Some((_, rest)) => (true, rest),
                None => (false, token),
            };
            let host = rest.rsplit('@').next().unwrap_or(rest);
            let host = host.split('/').next().unwrap_or(host);
            let (host, port) = match host.split_once(':') {
                Some((host, port)) => (host, port.parse::<u16>().ok()),
                None => (host, None),
            };
            let whole = text.trim() == host || port.is_some() || url;
            if let Some(service) = self.service(host, whole) {
                self.ask(service, port, because, needs, unmet);
            } else if url || port.is_some() {
                self.elsewhere(token, host, port, because, needs, unmet);
            }
        }
    }

    /// `db`, `db.shop`, `db.shop.svc`, `db.shop.svc.cluster.local`, `db-0.db.shop.svc…`. A name alone
    /// is one only where it is all that there is, or has a port.
    fn service(&self, host: &str, whole: bool) -> Option<&Service> {
        let words: Vec<_> = host.trim_end_matches('.').split('.').collect();
        let get = |namespace: &str, name: &str| self.services.get(&(namespace, name)).copied();
        match words[..] {
            [name] if whole => get(self.namespace, name),
            [name, namespace] => get(namespace, name),
            [name, namespace, "svc", ..] => get(namespace, name),
            [_, name, namespace, "svc", ..] => get(namespace, name),
            _ => None,
        }
    }

    fn ask(
        &self,
        service: &Service,
        port: Option<u16>,
        because: &str,
        needs: &mut BTreeSet<Need>,
        unmet: &mut Vec<Unmet>,
    ) {
        if service.reach == Reach::Elsewhere {
            let name = service.object.at(&["spec", "externalName"]).and_then(|n| n.as_str());
            unmet.push(Unmet::Elsewhere(self.place, name.unwrap_or("").to_owned()));
            return;
        }
        let known = port.is_some_and(|port| service.ports.iter().any(|own| own.number == port));
        let mut found = false;
        // They are ordered by their namespaces.
        let all = &self.network.workloads;
        let first = all.partition_point(|workload| workload.namespace < service.namespace);
        let near = all.iter().enumerate().skip(first);
        for (place, workload) in near.take_while(|(_, w)| w.namespace == service.namespace) {
            let mut ports = Connections::none();
            for id in &workload.parties {
                let party = &self.network.parties[*id];
                if service.selects(party, &self.network.namespaces) == Selects::Yes {
                    let wanted = |own: &crate::ServicePort| !known || Some(own.number) == port;
                    ports = ports.union(&service.targets(party, wanted));
                    // Without a Service's own address a port is one of the pods.
                    if let Some(port) = port.filter(|_| !known) {
                        ports = Connections::port(Protocol::Tcp, port);
                    }
                }
            }
            if !ports.is_empty() {
                found = true;
                if place != self.place || workload.pods != 1 {
                    needs.insert(Need {
                        from: Side::Workload(self.place),
                        to: Side::Workload(place),
                        ports,
                        because: because.to_owned(),
                    });
                }
            }
        }
        if !found {
            unmet.push(Unmet::NoPods(self.place, service.path()));
        }
    }

    /// Addresses are allowed; of names it is told that they are outside.
    fn elsewhere(
        &self,
        token: &str,
        host: &str,
        port: Option<u16>,
        because: &str,
        needs: &mut BTreeSet<Need>,
        unmet: &mut Vec<Unmet>,
    ) {
        let scheme = token.split_once("://").map(|(scheme, _)| scheme);
        let usual = match scheme {
            Some("https" | "wss") => Some(443),
            Some("http" | "ws") => Some(80),
            _ => None,
        };
        let port = port.or(usual);
        match host.parse::<IpAddr>() {
            Ok(address) if !address.is_loopback() && !address.is_unspecified() => {
                needs.insert(Need {
                    from: Side::Workload(self.place),
                    to: Side::Outside(Addresses::one(address)),
                    ports: port.map_or_else(
                        || Connections::of(Protocol::Tcp),
                        |port| Connections::port(Protocol::Tcp, port),
                    ),
                    because: because.to_owned(),
                });
            }
            Ok(_) => {}
            Err(_) => {
                // A host of the internet; `kubernetes` and names that Kubernetes has not are none.
                let dotted = host.contains('.') && !host.contains(".svc");
                let letters = host.chars().any(|c| c.is_ascii_alphabetic());
                if dotted && letters && scheme.is_some() && port.is_some() {
                    let port = port.map_or(String::new(), |port| format!(":{port}"));
                    unmet.push(Unmet::Elsewhere(self.place, format!("{host}{port}")));
                }
            }
        }
    }
}

/// What leads in from outside.
fn entrances(network: &Network, needs: &mut BTreeSet<Need>) {
    let mut services: BTreeMap<&str, Vec<&Service>> = BTreeMap::new();
    for service in &network.services {
        services.entry(&service.namespace).or_default().push(service);
    }
    let mut entries: BTreeMap<(&str, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in &network.entries {
        entries.entry((&entry.namespace, &entry.service)).or_default().push(entry);
    }
    for (workload, own) in network.workloads.iter().enumerate() {
        let mut need = |from: Side, ports: Connections, because: String| {
            if !ports.is_empty() {
                needs.insert(Need { from, to: Side::Workload(workload), ports, because });
            }
        };
        let parties = own.parties.iter().map(|id| &network.parties[*id]);
        for party in parties {
            let on_node = party.ports.iter().filter(|port| port.on_node && !party.host_network);
            for port in on_node {
                let ports = Connections::port(port.protocol, port.number);
                need(Side::Outside(Addresses::all()), ports, "host port".to_owned());
            }
            for service in services.get(&*own.namespace).into_iter().flatten() {
                if service.selects(party, &network.namespaces) != Selects::Yes {
                    continue;
                }
                let kind = match service.reach {
                    Reach::Outside => Some("LoadBalancer"),
                    Reach::Nodes => Some("NodePort"),
                    Reach::Cluster | Reach::Elsewhere => None,
                };
                if let Some(kind) = kind {
                    let because = format!("{kind} Service {}", service.path());
                    need(
                        Side::Outside(Addresses::all()),
                        service.targets(party, |_| true),
                        because,
                    );
                }
                let key = (&*service.namespace, service.object.name());
                for entry in entries.get(&key).into_iter().flatten() {
                    let because = format!("{} {}", entry.object.kind(), entry.object.name());
                    need(Side::Controller, entry.targets(service, party), because);
                }
            }
        }
    }
}
