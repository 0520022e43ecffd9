//! Who can connect to the API server, etcd and the kubelets.
//!
//! These run on the host network, where NetworkPolicies do not protect them. Access is limited only
//! by the egress of each workload, and by routes to nodes from outside.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_netpol::{
    Addresses, Connections, Direction, Engine, Kind, Labels, Party, PartyId, Protocol, Reach,
    Selector, Selects, Target, Verdict, restricted,
};
use serde_json::json;

use super::NetworkDocument;
use super::words::{self, Paint, Shown};
use crate::one_line;

/// The ports on which a program is configured to listen, as far as is known.
#[derive(Debug, Clone)]
pub struct Configured {
    /// `kube-apiserver`, `etcd`, `kubelet`.
    pub program: &'static str,
    /// The ports that other machines reach.
    pub ports: Connections,
    /// What sets them; empty if nothing that was read does.
    pub places: Vec<String>,
    /// Why there may be others.
    pub unclear: Option<String>,
}

/// A component of the control plane.
struct Component {
    name: &'static str,
    program: &'static str,
    /// Ports on which it usually listens.
    ports: &'static [u16],
    /// The label `component` of its pods; empty where it runs as none.
    label: &'static str,
}

const COMPONENTS: [Component; 3] = [
    // Managed clusters serve it on 443.
    Component {
        name: "API server",
        program: "kube-apiserver",
        ports: &[443, 6443],
        label: "kube-apiserver",
    },
    Component { name: "etcd", program: "etcd", ports: &[2379], label: "etcd" },
    Component { name: "kubelet", program: "kubelet", ports: &[10250], label: "" },
];

/// The location of a component, as far as it was read.
struct Place {
    component: &'static str,
    /// Ports on which it listens, or may.
    ports: Connections,
    /// How these are known.
    known: String,
    parties: Vec<PartyId>,
    /// A pod of it in the network of a node, which may be there whether it was read or not.
    imagined: PartyId,
    /// Addresses of endpoints that were read.
    addresses: Addresses,
    /// Addresses of its Service: whether policies see these or those of the endpoints depends on the
    /// plugin.
    service: Addresses,
}

/// What a workload can do; the greatest counts for all of its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Can {
    No,
    Unknown,
    UnreadPolicies,
    Yes,
    Unrestricted,
    OnNode,
}

impl Can {
    fn word(self) -> &'static str {
        match self {
            Self::No => "cannot",
            Self::Unknown => "unknown, it depends on the address and the network plugin",
            Self::UnreadPolicies => "unknown, not all policies were read",
            Self::Yes => "can",
            Self::Unrestricted => "can, no policy restricts its egress",
            Self::OnNode => "can, from the network of its node",
        }
    }
}

/// Writes who can connect to the control plane.
///
/// # Errors
/// Writing the output fails.
pub fn network_api_server(
    world: &str,
    engine: &mut Engine,
    configured: &[Configured],
    document: Option<&mut NetworkDocument>,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = places(engine, configured);
    let engine = &*engine;
    let network = engine.network();
    let mut components = Vec::new();
    let as_json = document.is_some();
    if !as_json {
        writeln!(out, "{}", shown.paint(Paint::Bold, &one_line(world)))?;
    }
    for place in places {
        let mut by: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (index, workload) in network.workloads.iter().enumerate() {
            if workload.parties.iter().all(|id| place.parties.contains(id)) {
                continue;
            }
            let can = workload.parties.iter().map(|id| reach(engine, *id, &place)).max();
            let word = can.unwrap_or(Can::Unknown).word();
            by.entry(word).or_default().push(words::workload(engine, index));
        }
        let leads = leads(engine, &place.ports);
        let ports = match place.ports.is_empty() {
            true => "no port of the network".to_owned(),
            false => words::ports(&place.ports),
        };
        if as_json {
            components.push(json!({
                "component": place.component,
                "ports": ports,
                "ports_from": place.known,
                "addresses": place.addresses.to_string(),
                "workloads": by,
                "node_ports": leads,
            }));
            continue;
        }
        let at = match place.addresses.is_empty() {
            true => "its address was not read".to_owned(),
            false => format!("at {}", place.addresses),
        };
        let title = format!("{} ({ports}), {at}", place.component);
        writeln!(out, "\n{}", shown.paint(Paint::Bold, &title))?;
        writeln!(out, "  ports from {}", one_line(&place.known))?;
        for (word, names) in &by {
            let list = match shown.full || names.len() <= 6 {
                true => names.join(", "),
                false => format!("{} and {} others", names[..4].join(", "), names.len() - 4),
            };
            writeln!(out, "  {word}: {list}")?;
        }
        for lead in leads {
            writeln!(out, "  {}", shown.paint(Paint::Red, &lead))?;
        }
    }
    if let Some(document) = document {
        document.add(json!({ "world": world, "components": components }));
        return Ok(());
    }
    writeln!(
        out,
        "\nThese listen in the network of their nodes, where NetworkPolicies do not apply: firewalls \
         and cloud settings in front of the nodes are not known here."
    )
}

fn places(engine: &mut Engine, configured: &[Configured]) -> Vec<Place> {
    let of = |component: &Component| configured.iter().find(|one| one.program == component.program);
    COMPONENTS.iter().map(|component| place(engine, component, of(component))).collect()
}

fn place(engine: &mut Engine, component: &Component, configured: Option<&Configured>) -> Place {
    let imagined = engine.add(on_node(engine, component.label));
    let network = engine.network();
    let is = |id: &PartyId| {
        let label = network.parties[*id].labels.known.get("component");
        !component.label.is_empty() && label.is_some_and(|label| label == component.label)
    };
    let parties: Vec<_> = (0..network.parties.len()).filter(is).collect();
    let usual = component.ports.iter().map(|port| Connections::port(Protocol::Tcp, *port));
    let usual = usual.fold(Connections::none(), |all, port| all.union(&port));
    let mut ports = configured.map_or_else(Connections::none, |one| one.ports.clone());
    let mut known = configured.map_or_else(Vec::new, |one| one.places.clone());
    let own = parties.iter().filter_map(|id| network.parties[*id].addresses.as_ref());
    let mut addresses = own.fold(Addresses::default(), |all, own| all.union(own));
    let mut service = Addresses::default();
    if component.label == "kube-apiserver" {
        let is = |s: &&pavisade_netpol::Service| {
            s.namespace == "default" && s.object.name() == "kubernetes"
        };
        if let Some(found) = network.services.iter().find(is) {
            addresses = addresses.union(&found.endpoints);
            if !found.endpoint_ports.is_empty() {
                ports = ports.union(&found.endpoint_ports);
                known.push("the endpoints of Service default/kubernetes".to_owned());
            }
            let spec = found.object.at(&["spec"]);
            let one = spec.and_then(|spec| spec.str("clusterIP"));
            let all = spec.into_iter().flat_map(|spec| spec.list("clusterIPs"));
            let all = all.filter_map(|ip| ip.as_str()).chain(one);
            service = all
                .filter_map(|ip| ip.parse().ok())
                .fold(service, |all, ip| all.union(&Addresses::one(ip)));
        }
    }
    let unclear = configured.and_then(|one| one.unclear.as_deref());
    if known.is_empty() || unclear.is_some() {
        ports = ports.union(&usual);
        let why = unclear.unwrap_or("the configuration was not read");
        known.push(format!("the usual defaults ({why})"));
    }
    // Kubelets are on every node.
    if component.label.is_empty()
        && let Some(nodes) = &network.nodes
    {
        addresses = nodes.clone();
    }
    let known = known.join(", ");
    Place { component: component.name, ports, known, parties, imagined, addresses, service }
}

/// A pod in the network of its node, as those of the control plane are.
fn on_node(engine: &Engine, label: &str) -> Party {
    let network = engine.network();
    let system = network.namespaces.iter().position(|n| n.name == "kube-system");
    let namespaces = match system {
        Some(_) => Selector::everything(),
        None => Selector::of_labels([("kubernetes.io/metadata.name", "kube-system")]),
    };
    let labels = (!label.is_empty()).then_some(("component", label));
    let pods = Selector::of_labels(labels);
    let place = system.unwrap_or_else(|| network.any_namespace());
    let known = Labels { open: true, ..Labels::exactly(labels) };
    Party { host_network: true, labels: known, ..Party::imagined(namespaces, pods, place) }
}

/// Whether a party may send to a component.
fn reach(engine: &Engine, id: PartyId, place: &Place) -> Can {
    if engine.party(id).host_network {
        return match engine.vendors(Direction::Egress, id).is_empty() {
            true => Can::OnNode,
            false => Can::Unknown,
        };
    }
    if place.ports.is_empty() {
        // It listens only on addresses of its own machine.
        return Can::No;
    }
    if engine.network().may_have_unread_policies() && engine.network().assumed.profile.enforces {
        return Can::UnreadPolicies;
    }
    if restricted(engine, Direction::Egress, id) == Selects::No
        && engine.vendors(Direction::Egress, id).is_empty()
    {
        return Can::Unrestricted;
    }
    let half = |other: PartyId| engine.half(Direction::Egress, id, other);
    let outside = |wanted: &dyn Fn(&Addresses) -> bool| -> Vec<Verdict> {
        let is = |other: &PartyId| match &engine.party(*other).kind {
            Kind::Outside(addresses) => wanted(addresses),
            _ => false,
        };
        engine.outside().filter(is).map(half).collect()
    };
    // Nodes have addresses that blocks may hold; pods of the host network may be selected.
    let pods: Vec<_> = place.parties.iter().map(|other| half(*other)).collect();
    let known = outside(&|own| !own.intersect(&place.addresses).is_empty());
    let certain = |half: &Verdict| place.ports.is_subset(&half.certain());
    if pods.iter().chain(&known).any(certain) {
        return Can::Yes;
    }
    // Where the addresses are not known, it may have any.
    let possible = match place.addresses.is_empty() {
        true => outside(&|_| true),
        false => outside(&|own| !own.intersect(&place.service).is_empty()),
    };
    let mut ports = place.ports.clone();
    if !place.service.is_empty() {
        ports = ports.union(&Connections::port(Protocol::Tcp, 443));
    }
    let imagined = half(place.imagined);
    let all = pods.iter().chain(&known).chain(&possible).chain([&imagined]);
    let may = |half: &Verdict| !half.allow.intersect(&ports).is_empty();
    if all.into_iter().any(may) { Can::Unknown } else { Can::No }
}

/// Returns the Services that expose the ports of a component.
fn leads(engine: &Engine, ports: &Connections) -> Vec<String> {
    let mut leads = Vec::new();
    for service in &engine.network().services {
        if !matches!(service.reach, Reach::Nodes | Reach::Outside) {
            continue;
        }
        for port in &service.ports {
            if let Target::Number(number) = port.target
                && ports.contains(port.protocol, number)
            {
                let text =
                    format!("Service {} leads to port {number} from outside", service.path());
                leads.push(one_line(&text));
            }
        }
    }
    leads
}
