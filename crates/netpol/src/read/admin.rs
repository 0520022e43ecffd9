//! ClusterNetworkPolicy v1alpha2, and AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1
//! (network-policy-api.sigs.k8s.io).
//!
//! What cannot be read fails closed, as the specification asks: a peer of an unknown kind matches
//! nothing where a rule accepts, and where it denies or passes the whole rule becomes one that
//! denies everything. What the API server refuses (a rule without an action or peers, a policy without
//! a tier or priority) may do anything with what it matches.

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
    let baseline = object.is(kinds::BASELINE_ADMIN_NETWORK_POLICY);
    let tier = match spec.and_then(|spec| spec.str("tier")) {
        _ if baseline => Some(Tier::Baseline),
        _ if !cluster => Some(Tier::Admin),
        Some("Admin") => Some(Tier::Admin),
        Some("Baseline") => Some(Tier::Baseline),
        _ => None,
    };
    let priority = spec.and_then(|spec| spec.get("priority")).and_then(Value::as_i64);
    let priority = priority.filter(|priority| (0..=1000).contains(priority));
    // Where it is asked is not known.
    let placed = tier.is_some() && (priority.is_some() || baseline);
    if !placed {
        flaws.value(spec.unwrap_or(object.value()), FlawKind::Malformed);
    }
    let (within, subject) = match spec.and_then(|spec| spec.get("subject")).and_then(pods) {
        Some(subject) => {
            let own = spec.and_then(|spec| spec.get("subject"));
            if let Some(own) = own.filter(|own| lacks_pods(*own) || !is_readable(&subject)) {
                flaws.value(own, FlawKind::Malformed);
            }
            subject
        }
        None => {
            flaws.value(spec.unwrap_or(object.value()), FlawKind::Malformed);
            (Within::Selected(Selector::unreadable()), Selector::everything())
        }
    };
    let most = if cluster { MOST[1] } else { MOST[0] };
    let rules = Direction::BOTH.map(|direction| {
        let list = spec.and_then(|spec| spec.get(direction.field()))?;
        if list.is_null() {
            return None;
        }
        if list.kind() != Kind::Sequence {
            flaws.value(list, FlawKind::Malformed);
            return Some(vec![unknown(list)]);
        }
        if list.items().count() > most {
            flaws.value(list, FlawKind::TooMany);
        }
        let rules = list.items().map(|rule| read_rule(rule, direction, &mut flaws));
        let rules = rules.map(|rule| match placed {
            true => rule,
            false => Rule { action: Action::Unknown, ..rule },
        });
        // A policy without rules for a direction does not affect it.
        Some(rules.collect::<Vec<_>>()).filter(|rules| !rules.is_empty())
    });
    Policy {
        object: object.clone(),
        namespace: String::new(),
        tier: tier.unwrap_or(Tier::Admin),
        priority: priority.unwrap_or(0),
        within,
        subject,
        rules,
        flaws: flaws.0,
    }
}

/// A rule that cannot be read.
fn unknown(value: Value<'_>) -> Rule {
    Rule {
        name: String::new(),
        action: Action::Unknown,
        peers: vec![Peer::Anybody],
        ports: Ports::all(),
        node: value.id(),
        places: Vec::new(),
        named_at: Vec::new(),
    }
}

/// Whether a selector of pods that must be there is not.
fn lacks_pods(value: Value<'_>) -> bool {
    value.get("pods").is_some_and(|pods| pods.get("podSelector").is_none_or(Value::is_null))
}

fn is_readable((within, pods): &(Within, Selector)) -> bool {
    let of_namespaces = match within {
        Within::Selected(selector) => selector.requirements().is_some(),
        Within::Namespace(_) => true,
    };
    of_namespaces && pods.requirements().is_some()
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
            let known = |key: &str| ["namespaceSelector", "podSelector"].contains(&key);
            let pods = match inner.entries().all(|(key, _)| known(key)) {
                // The API server asks for it, others take its absence for all pods: it is told.
                true => Selector::read(inner.get("podSelector")),
                false => Selector::unreadable(),
            };
            Some((Within::Selected(Selector::read(inner.get("namespaceSelector"))), pods))
        }
        _ => None,
    }
}

fn read_rule(rule: Value<'_>, direction: Direction, flaws: &mut Flaws) -> Rule {
    if rule.kind() != Kind::Mapping {
        flaws.value(rule, FlawKind::Malformed);
        return unknown(rule);
    }
    let name = rule.str("name").unwrap_or("").to_owned();
    let action = match rule.str("action") {
        Some("Allow" | "Accept") => Action::Allow,
        Some("Pass") => Action::Pass,
        Some("Deny") => Action::Deny,
        _ => {
            flaws.value(rule, FlawKind::Malformed);
            Action::Unknown
        }
    };
    let list = rule.get(direction.peers()).filter(|list| list.items().next().is_some());
    let Some(list) = list else {
        // It must have peers.
        flaws.value(rule, FlawKind::Peer);
        return Rule { name, ports: read_ports(rule, flaws), ..unknown(rule) };
    };
    let mut peers = Vec::new();
    let mut closed = false;
    for peer in list.items() {
        match read_peer(peer, direction, action, flaws) {
            Some(peer) => peers.push(peer),
            None if action == Action::Allow => peers.push(Peer::Nobody),
            None if action == Action::Unknown => peers.push(Peer::Unknown),
            None => closed = true,
        }
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
    Rule { name, action, peers, ports, ..unknown(rule) }
}

fn read_peer(
    peer: Value<'_>,
    direction: Direction,
    action: Action,
    flaws: &mut Flaws,
) -> Option<Peer> {
    if let Some(found) = pods(peer) {
        if lacks_pods(peer) || !is_readable(&found) {
            flaws.value(peer, FlawKind::Malformed);
        }
        return Some(Peer::Pods(found.0, found.1));
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
            if matches!(action, Action::Deny | Action::Pass) {
                flaws.value(names, FlawKind::Domain);
                return None;
            }
            let all: Vec<_> = names.items().filter_map(Value::as_str).map(str::to_owned).collect();
            if all.is_empty() || all.len() != names.items().count() {
                flaws.value(names, FlawKind::Malformed);
            }
            return Some(Peer::Domains(all));
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
    if list.items().next().is_none() {
        // A list that is there must have an item; whether an empty one means all is not said.
        flaws.value(list, FlawKind::Malformed);
        return Ports { unknown: true, ..Ports::default() };
    }
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
