//! Who can connect to the API server, etcd and the kubelets.
//!
//! These run on the host network, where NetworkPolicies do not protect them. Access is limited only
//! by the egress of each workload, and by routes to nodes from outside.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_netpol::{
    Addresses, Connections, Direction, Engine, Kind, PartyId, Picture, Protocol, Reach, Target,
};
use serde_json::json;

use super::words::{self, Paint, Shown};
use crate::one_line;

/// The components: name, port, and the prefix of their pods' names.
const COMPONENTS: [(&str, u16, &str); 3] =
    [("API server", 6443, "kube-apiserver"), ("etcd", 2379, "etcd"), ("kubelet", 10250, "")];

/// The location of a component, as far as it was read.
struct Place {
    component: &'static str,
    ports: Connections,
    parties: Vec<PartyId>,
    /// The addresses of its endpoints.
    addresses: Addresses,
}

/// Writes who can connect to the control plane.
///
/// # Errors
/// Writing the output fails.
pub fn network_api_server(
    world: &str,
    picture: &Picture,
    as_json: bool,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let engine = &picture.engine;
    let network = engine.network();
    let mut document = Vec::new();
    if !as_json {
        writeln!(out, "{}", shown.paint(Paint::Bold, &one_line(world)))?;
    }
    for place in places(engine) {
        let mut by: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (index, workload) in network.workloads.iter().enumerate() {
            if workload.parties.iter().all(|id| place.parties.contains(id)) {
                continue;
            }
            let word = workload.parties.iter().map(|id| reach(engine, *id, &place)).max();
            by.entry(word.unwrap_or("unknown")).or_default().push(words::workload(engine, index));
        }
        let leads = leads(engine, &place.ports);
        let ports = words::ports(&place.ports);
        if as_json {
            document.push(json!({
                "component": place.component,
                "ports": ports,
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
    if as_json {
        let document = json!({
            "form": "pavisade network api-server 1", "world": world, "components": document,
        });
        serde_json::to_writer_pretty(&mut *out, &document)?;
        return writeln!(out);
    }
    writeln!(
        out,
        "\nThese listen in the network of their nodes, where NetworkPolicies do not apply: firewalls \
         and cloud settings in front of the nodes are not known here."
    )
}

fn places(engine: &Engine) -> Vec<Place> {
    let network = engine.network();
    let endpoint = network
        .services
        .iter()
        .find(|service| service.namespace == "default" && service.object.name() == "kubernetes");
    COMPONENTS
        .iter()
        .map(|(component, port, name)| {
            let is = |id: &PartyId| {
                let label = network.parties[*id].labels.known.get("component");
                !name.is_empty() && label.is_some_and(|label| label == name)
            };
            let parties: Vec<_> = (0..network.parties.len()).filter(is).collect();
            let mut ports = Connections::port(Protocol::Tcp, *port);
            let mut addresses = Addresses::default();
            for id in &parties {
                if let Some(own) = &network.parties[*id].addresses {
                    addresses = addresses.union(own);
                }
            }
            if *component == "API server"
                && let Some(service) = endpoint
            {
                addresses = addresses.union(&service.endpoints);
                ports = ports.union(&service.endpoint_ports);
            }
            Place { component, ports, parties, addresses }
        })
        .collect()
}

/// Returns whether a party may send to a component.
fn reach(engine: &Engine, id: PartyId, place: &Place) -> &'static str {
    let party = engine.party(id);
    if party.host_network {
        return "can, from the network of its node";
    }
    if engine.selecting(Direction::Egress, id).is_empty()
        && engine.vendors(Direction::Egress, id).is_empty()
    {
        return "can, no policy restricts its egress";
    }
    // Nodes have addresses that IP blocks may contain, and pods on the host network may be
    // selected.
    let outside = engine.outside().filter(|other| match &engine.party(*other).kind {
        Kind::Outside(addresses) if place.addresses.is_empty() => {
            !addresses.intersect(&Addresses::private()).is_empty()
        }
        Kind::Outside(addresses) => !addresses.intersect(&place.addresses).is_empty(),
        _ => false,
    });
    let targets: Vec<_> = place.parties.iter().copied().chain(outside).collect();
    let halves: Vec<_> =
        targets.iter().map(|other| engine.half(Direction::Egress, id, *other)).collect();
    let certain =
        |half: &pavisade_netpol::Verdict| !half.certain().intersect(&place.ports).is_empty();
    let never = |half: &pavisade_netpol::Verdict| half.allow.intersect(&place.ports).is_empty();
    match () {
        () if halves.iter().all(never) => "cannot",
        () if !place.addresses.is_empty() && halves.iter().any(certain) => "can",
        () => "unknown, it depends on the address and the network plugin",
    }
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
