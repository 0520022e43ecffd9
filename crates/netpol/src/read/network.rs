//! NetworkPolicy v1 (kubernetes.io/docs/concepts/services-networking/network-policies, and the API
//! server's validation of it).

use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, NodeId, Value};

use super::{Flaws, port_number, range};
use crate::addresses::Addresses;
use crate::connections::{Connections, Protocol};
use crate::policy::{Action, Direction, FlawKind, Peer, Policy, Ports, Rule, Tier, Within};
use crate::selector::Selector;

pub(super) fn read(object: &Object, default_namespace: &str) -> Policy {
    let namespace = match object.namespace() {
        "" => default_namespace,
        namespace => namespace,
    };
    let mut flaws = Flaws::default();
    let subject = Selector::read(object.at(&["spec", "podSelector"]));
    if subject.requirements().is_none()
        && let Some(selector) = object.at(&["spec", "podSelector"])
    {
        flaws.value(selector, FlawKind::Malformed);
    }
    if let Some(types) = object.at(&["spec", "policyTypes"]).filter(|types| !types.is_null()) {
        let known = |one: Value<'_>| matches!(one.as_str(), Some("Ingress" | "Egress"));
        if types.kind() != Kind::Sequence || !types.items().all(known) {
            flaws.value(types, FlawKind::Malformed);
        }
    }
    let rules = Direction::BOTH.map(|direction| {
        let list = object.at(&["spec", direction.field()]);
        applies_to(object, direction).then(|| rules(list, direction, namespace, &mut flaws))
    });
    Policy {
        object: object.clone(),
        namespace: namespace.to_owned(),
        tier: Tier::Network,
        priority: 0,
        within: Within::Namespace(namespace.to_owned()),
        subject,
        rules,
        flaws: flaws.0,
    }
}

/// `policyTypes`, or its default: always Ingress; Egress where there are egress rules.
fn applies_to(object: &Object, direction: Direction) -> bool {
    let types = object.at(&["spec", "policyTypes"]).filter(|types| types.items().next().is_some());
    match types {
        Some(types) => types.items().any(|t| t.as_str() == Some(direction.name())),
        None => {
            direction == Direction::Ingress
                || object.at(&["spec", "egress"]).is_some_and(|e| e.items().next().is_some())
        }
    }
}

/// Reads a list of rules.
pub(super) fn rules(
    list: Option<Value<'_>>,
    direction: Direction,
    namespace: &str,
    flaws: &mut Flaws,
) -> Vec<Rule> {
    let Some(list) = list.filter(|list| !list.is_null()) else { return Vec::new() };
    if list.kind() != Kind::Sequence {
        flaws.value(list, FlawKind::Malformed);
        return vec![Rule {
            name: String::new(),
            action: Action::Allow,
            peers: vec![Peer::Unknown],
            ports: Ports::all(),
            node: list.id(),
            places: Vec::new(),
            named_at: Vec::new(),
        }];
    }
    list.items().map(|rule| read_rule(rule, direction, namespace, flaws)).collect()
}

fn read_rule(rule: Value<'_>, direction: Direction, namespace: &str, flaws: &mut Flaws) -> Rule {
    // The API server reads null as a rule without fields, which allows everything.
    let known = matches!(rule.kind(), Kind::Mapping | Kind::Null);
    if !known {
        flaws.value(rule, FlawKind::Malformed);
    }
    let (mut peers, mut places, mut named_at) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(list) = rule.get(direction.peers()).filter(|list| !list.is_null()) {
        if list.kind() != Kind::Sequence {
            flaws.value(list, FlawKind::Malformed);
            peers.push(Peer::Unknown);
        }
        peers.extend(list.items().map(|peer| read_peer(peer, namespace, flaws)));
        places.extend(list.items().map(Value::id));
    }
    // Blocks that are together all addresses hold pods of both families.
    let blocks = peers.iter().filter_map(|peer| match peer {
        Peer::Block(block) => Some(block),
        _ => None,
    });
    let whole = Peer::Block(Addresses::joined(blocks));
    if whole == Peer::Block(Addresses::all()) && !peers.contains(&whole) {
        peers.push(whole);
    }
    if peers.is_empty() {
        peers.push(if known { Peer::Anybody } else { Peer::Unknown });
    }
    Rule {
        name: String::new(),
        action: Action::Allow,
        peers,
        ports: read_ports(rule, &mut named_at, flaws),
        node: rule.id(),
        places,
        named_at,
    }
}

fn read_peer(peer: Value<'_>, namespace: &str, flaws: &mut Flaws) -> Peer {
    let field = |name: &str| peer.get(name).filter(|value| !value.is_null());
    let (pods, namespaces, block) =
        (field("podSelector"), field("namespaceSelector"), field("ipBlock"));
    if let Some(block) = block {
        if pods.is_some() || namespaces.is_some() {
            flaws.value(peer, FlawKind::Peer);
            return Peer::Unknown;
        }
        return read_block(block).map_or_else(
            || {
                flaws.value(block, FlawKind::Block);
                Peer::Unknown
            },
            Peer::Block,
        );
    }
    if pods.is_none() && namespaces.is_none() {
        flaws.value(peer, FlawKind::Peer);
        return Peer::Unknown;
    }
    let mut read = |value: Option<Value<'_>>| {
        let selector = Selector::read(value);
        if let Some(value) = value.filter(|_| selector.requirements().is_none()) {
            flaws.value(value, FlawKind::Malformed);
        }
        selector
    };
    let within = match namespaces {
        Some(namespaces) => Within::Selected(read(Some(namespaces))),
        None => Within::Namespace(namespace.to_owned()),
    };
    Peer::Pods(within, read(pods))
}

/// A block without its exceptions.
fn read_block(block: Value<'_>) -> Option<Addresses> {
    let mut addresses = Addresses::cidr(block.str("cidr")?)?;
    let whole = addresses.clone();
    if let Some(except) = block.get("except").filter(|except| !except.is_null()) {
        if except.kind() != Kind::Sequence {
            return None;
        }
        for one in except.items() {
            let one = Addresses::cidr(one.as_str()?)?;
            // An exception must be inside of its block.
            if !one.is_subset(&whole) {
                return None;
            }
            addresses = addresses.subtract(&one);
        }
    }
    Some(addresses)
}

fn read_ports(rule: Value<'_>, named_at: &mut Vec<NodeId>, flaws: &mut Flaws) -> Ports {
    let Some(list) = rule.get("ports").filter(|list| !list.is_null()) else { return Ports::all() };
    if list.kind() != Kind::Sequence {
        flaws.value(list, FlawKind::Malformed);
        return Ports { unknown: true, ..Ports::default() };
    }
    if list.items().next().is_none() {
        return Ports::all();
    }
    let mut ports = Ports::default();
    for entry in list.items() {
        if read_port(entry, named_at, &mut ports).is_none() {
            flaws.value(entry, FlawKind::Malformed);
            ports.unknown = true;
        }
    }
    ports
}

fn read_port(entry: Value<'_>, named_at: &mut Vec<NodeId>, ports: &mut Ports) -> Option<()> {
    let field = |name: &str| entry.get(name).filter(|value| !value.is_null());
    if !matches!(entry.kind(), Kind::Mapping | Kind::Null) {
        return None;
    }
    let protocol = match field("protocol") {
        Some(value) => Protocol::read(value.as_str()?)?,
        None => Protocol::Tcp,
    };
    let (port, end) = (field("port"), field("endPort"));
    match port {
        None if end.is_some() => return None,
        None => ports.fixed = ports.fixed.union(&Connections::of(protocol)),
        Some(port) => match port.as_str() {
            Some(_) if end.is_some() => return None,
            Some(name) => {
                ports.named.push((name.to_owned(), Some(protocol)));
                named_at.push(port.id());
            }
            None => {
                let first = port_number(port)?;
                let last = match end {
                    Some(end) => port_number(end)?,
                    None => first,
                };
                let added = range(protocol, Some(first), Some(last))?;
                ports.fixed = ports.fixed.union(&added);
            }
        },
    }
    Some(())
}
