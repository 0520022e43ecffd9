//! ClusterNetworkPolicy v1alpha2, and AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1
//! (network-policy-api.sigs.k8s.io).
//!
//! What cannot be read fails closed, as the specification asks: a peer of an unknown kind matches
//! nothing where a rule accepts, and where it denies or passes the whole rule becomes one that
//! denies everything.

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

use super::{Flaws, port_number, range};
use crate::addresses::Addresses;
use crate::connections::{Connections, Protocol};
use crate::policy::{Action, Direction, FlawKind, Peer, Policy, Ports, Rule, Tier, Within};
use crate::selector::Selector;

/// Rules of a direction, and peers, ports or names of a rule, that there may be.
const MOST: [usize; 2] = [100, 25];

pub(super) fn read(object: &Object) -> Policy {
    let mut flaws = Flaws::default();
    let spec = object.at(&["spec"]);
    let cluster = object.is(kinds::CLUSTER_NETWORK_POLICY);
    let tier = match spec.and_then(|spec| spec.str("tier")) {
        Some("Baseline") if cluster => Tier::Baseline,
        _ if object.is(kinds::BASELINE_ADMIN_NETWORK_POLICY) => Tier::Baseline,
        _ => Tier::Admin,
    };
    let priority = spec.and_then(|spec| spec.get("priority")).and_then(Value::as_i64);
    let (within, subject) = match spec.and_then(|spec| spec.get("subject")).and_then(pods) {
        Some(subject) => subject,
        None => {
            flaws.value(spec.unwrap_or(object.value()), FlawKind::Malformed);
            (Within::Selected(Selector::unreadable()), Selector::everything())
        }
    };
    let most = if cluster { MOST[1] } else { MOST[0] };
    let rules = Direction::BOTH.map(|direction| {
        let list = spec.and_then(|spec| spec.get(direction.field()))?;
        if list.items().count() > most {
            flaws.value(list, FlawKind::TooMany);
        }
        let rules = list.items().map(|rule| read_rule(rule, direction, &mut flaws));
        Some(rules.collect())
    });
    Policy {
        object: object.clone(),
        namespace: String::new(),
        tier,
        priority: priority.unwrap_or(0),
        within,
        subject,
        rules,
        flaws: flaws.0,
    }
}

/// `namespaces: SELECTOR` or `pods: {namespaceSelector, podSelector}`.
fn pods(value: Value<'_>) -> Option<(Within, Selector)> {
    let mut entries = value.entries();
    let (key, inner) = entries.next()?;
    if entries.next().is_some() || inner.kind() != Kind::Mapping {
        return None;
    }
    match key {
        "namespaces" => {
            Some((Within::Selected(Selector::read(Some(inner))), Selector::everything()))
        }
        "pods" => {
            let selector = |name: &str| Selector::read(inner.get(name));
            Some((Within::Selected(selector("namespaceSelector")), selector("podSelector")))
        }
        _ => None,
    }
}

fn read_rule(rule: Value<'_>, direction: Direction, flaws: &mut Flaws) -> Rule {
    let name = rule.str("name").unwrap_or("").to_owned();
    let action = match rule.str("action") {
        Some("Allow" | "Accept") => Action::Allow,
        Some("Pass") => Action::Pass,
        Some("Deny") => Action::Deny,
        _ => {
            flaws.value(rule, FlawKind::Malformed);
            Action::Deny
        }
    };
    let mut peers = Vec::new();
    let mut closed = false;
    let list = rule.get(direction.peers());
    for peer in list.into_iter().flat_map(Value::items) {
        match read_peer(peer, direction, action, flaws) {
            Some(peer) => peers.push(peer),
            None if action == Action::Allow => peers.push(Peer::Nobody),
            None => closed = true,
        }
    }
    if peers.is_empty() && !closed {
        flaws.value(list.unwrap_or(rule), FlawKind::Peer);
        closed = action != Action::Allow;
    }
    let mut ports = read_ports(rule, flaws);
    let beside = |peer: &Peer| matches!(peer, Peer::Network(_) | Peer::Nodes(_) | Peer::Domains(_));
    if !ports.named.is_empty() && peers.iter().any(beside) {
        flaws.value(rule, FlawKind::NamedPort);
    }
    let mut action = action;
    if closed {
        // Pass would fail open.
        (action, peers, ports) = (Action::Deny, vec![Peer::Anybody], Ports::all());
    }
    Rule { name, action, peers, ports, node: rule.id() }
}

fn read_peer(
    peer: Value<'_>,
    direction: Direction,
    action: Action,
    flaws: &mut Flaws,
) -> Option<Peer> {
    if let Some((within, selector)) = pods(peer) {
        return Some(Peer::Pods(within, selector));
    }
    let mut entries = peer.entries();
    let entry = entries.next().filter(|_| direction == Direction::Egress);
    let only = entries.next().is_none();
    match entry.filter(|_| only) {
        Some(("nodes", nodes)) if nodes.kind() == Kind::Mapping => {
            return Some(Peer::Nodes(Selector::read(Some(nodes))));
        }
        Some(("networks", networks)) => {
            let blocks = networks.items().map(|block| Addresses::cidr(block.as_str()?));
            match blocks.collect::<Option<Vec<_>>>() {
                Some(blocks) if !blocks.is_empty() => {
                    let all = blocks.iter().fold(Addresses::default(), |all, b| all.union(b));
                    return Some(Peer::Network(all));
                }
                _ => {
                    flaws.value(networks, FlawKind::Block);
                    return None;
                }
            }
        }
        Some(("domainNames", names)) => {
            if action != Action::Allow {
                flaws.value(names, FlawKind::Domain);
                return None;
            }
            let names: Vec<_> =
                names.items().filter_map(Value::as_str).map(str::to_owned).collect();
            return Some(Peer::Domains(names));
        }
        _ => {}
    }
    flaws.value(peer, FlawKind::Peer);
    None
}

fn read_ports(rule: Value<'_>, flaws: &mut Flaws) -> Ports {
    // `protocols` of ClusterNetworkPolicy, `ports` of the older kinds.
    let list = rule.get("protocols").or_else(|| rule.get("ports")).filter(|list| !list.is_null());
    let Some(list) = list else { return Ports::all() };
    let mut ports = Ports::default();
    for entry in list.items() {
        let read = match entry.entries().next() {
            Some(("destinationNamedPort" | "namedPort", name)) => name.as_str().map(|name| {
                ports.named.push((name.to_owned(), None));
                Connections::none()
            }),
            Some(("portNumber", port)) => protocol(port).and_then(|protocol| {
                let number = port.get("port").and_then(port_number);
                range(protocol, number, number)
            }),
            Some(("portRange", port)) => protocol(port).and_then(|protocol| {
                let end = |field: &str| port.get(field).and_then(port_number);
                range(protocol, end("start"), end("end"))
            }),
            Some((key, of_protocol)) => {
                let protocol = match key {
                    "tcp" => Some(Protocol::Tcp),
                    "udp" => Some(Protocol::Udp),
                    "sctp" => Some(Protocol::Sctp),
                    _ => None,
                };
                protocol.and_then(|protocol| destination(protocol, of_protocol))
            }
            None => None,
        };
        match read {
            Some(added) => ports.fixed = ports.fixed.union(&added),
            None => {
                flaws.value(entry, FlawKind::Malformed);
                ports.unknown = true;
            }
        }
    }
    ports
}

fn protocol(port: Value<'_>) -> Option<Protocol> {
    match port.get("protocol").filter(|value| !value.is_null()) {
        Some(value) => Protocol::read(value.as_str()?),
        None => Some(Protocol::Tcp),
    }
}

fn destination(protocol: Protocol, value: Value<'_>) -> Option<Connections> {
    let Some(port) = value.get("destinationPort").filter(|port| !port.is_null()) else {
        // The whole protocol.
        return Some(Connections::of(protocol));
    };
    if let Some(number) = port.get("number") {
        let number = port_number(number);
        return range(protocol, number, number);
    }
    let end = |field: &str| port.at(&["range", field]).and_then(port_number);
    range(protocol, end("start"), end("end"))
}
