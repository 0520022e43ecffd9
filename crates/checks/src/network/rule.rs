//! The meaning of a rule of a NetworkPolicy, as `netpol` reads it.

use pavisade_netpol::{Addresses, Connections, Peer, Protocol, Rule, Within};
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::{NodeId, Value};

use crate::Claim;

/// Whether a rule has no peers, which allows everyone.
pub(super) fn allows_anybody(rule: &Rule) -> bool {
    rule.peers.contains(&Peer::Anybody)
}

/// Whether a rule allows every TCP port, possibly by several ranges.
pub(super) fn allows_every_port(rule: &Rule) -> bool {
    Connections::of(Protocol::Tcp).is_subset(&rule.ports.fixed)
}

/// Whether a rule allows a TCP port by number. A named port is one of the destination pod, so it
/// matches nothing outside the cluster.
pub(super) fn allows_port(rule: &Rule, number: u16) -> bool {
    rule.ports.fixed.contains(Protocol::Tcp, number)
}

/// A port of a pod that a Service refers to.
#[derive(Debug)]
pub(super) struct Target<'a> {
    protocol: &'a str,
    number: Option<i64>,
    name: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Returns the port of a pod for a port of a Service.
    pub(super) fn of(port: Value<'a>, pod: Pod<'a>) -> Self {
        let protocol = port.str("protocol").unwrap_or("TCP");
        let target = port.get("targetPort").filter(|p| !p.is_null()).or(port.get("port"));
        let (number, name) = (target.and_then(Value::as_i64), target.and_then(Value::as_str));
        let ports = pod.containers().flat_map(|c| c.value().list("ports"));
        let own =
            ports.filter(|p| p.str("protocol").unwrap_or("TCP") == protocol).find(|p| match name {
                Some(name) => p.str("name") == Some(name),
                None => p.get("containerPort").and_then(Value::as_i64) == number,
            });
        Self {
            protocol,
            number: number.or(own.and_then(|p| p.get("containerPort")?.as_i64())),
            name: name.or(own.and_then(|p| p.str("name"))),
        }
    }
}

/// Whether a rule allows a port of a pod.
pub(super) fn allows_target(rule: &Rule, target: &Target<'_>) -> bool {
    let Some(protocol) = Protocol::read(target.protocol) else { return rule.ports.fixed.is_all() };
    let number = target.number.and_then(|number| u16::try_from(number).ok());
    let by_number = match number {
        Some(number) => rule.ports.fixed.contains(protocol, number),
        None => Connections::of(protocol).is_subset(&rule.ports.fixed),
    };
    let named = |(name, of): &(String, Option<Protocol>)| {
        *of == Some(protocol) && target.name == Some(name.as_str())
    };
    by_number || rule.ports.named.iter().any(named)
}

/// Whether a peer is every pod of the cluster: all pods in all namespaces.
pub(super) fn is_every_pod(peer: &Peer) -> bool {
    matches!(peer, Peer::Pods(Within::Selected(all), pods)
        if all.is_everything() && pods.is_everything())
}

/// Returns a part of an object by its place.
pub(super) fn at(object: &Object, node: NodeId) -> Value<'_> {
    object.doc().value(node).unwrap_or(object.value())
}

/// A peer that is a block of addresses.
pub(super) struct Block<'a, 'p> {
    /// The value of `cidr`.
    pub(super) value: Value<'a>,
    /// The block with its exceptions.
    pub(super) whole: Addresses,
    /// The block without its exceptions.
    pub(super) addresses: &'p Addresses,
}

/// Returns the address block of a peer, if it has one, or the claim for an invalid one.
pub(super) fn block<'a, 'p>(
    peer: &'p Peer,
    value: Value<'a>,
) -> Option<Result<Block<'a, 'p>, Claim<'a>>> {
    let block = value.get("ipBlock").filter(|block| !block.is_null())?;
    let cidr = block.get("cidr").unwrap_or(block);
    let whole = cidr.as_str().and_then(Addresses::cidr);
    match (peer, whole) {
        (Peer::Block(addresses), Some(whole)) => Some(Ok(Block { value: cidr, whole, addresses })),
        (_, None) => {
            let text = cidr.scalar_text().unwrap_or_default();
            Some(Err(Claim::unknown(cidr, format!("`{text}` is not a valid CIDR"))))
        }
        (_, Some(whole)) => {
            let is_inside = |except: &Value<'_>| {
                let addresses = except.as_str().and_then(Addresses::cidr);
                addresses.is_some_and(|addresses| addresses.is_subset(&whole))
            };
            let except = block.list("except").find(|except| !is_inside(except));
            let place = except.or(block.get("except")).unwrap_or(block);
            let text = place.scalar_text().unwrap_or_default();
            let why = format!("`{text}` is not a valid CIDR within `cidr`");
            Some(Err(Claim::unknown(place, why)))
        }
    }
}
