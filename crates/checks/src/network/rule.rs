//! The meaning of a rule of a NetworkPolicy.

use std::net::IpAddr;

use pavisade_snapshot::Pod;
use pavisade_yaml::{Kind, Value};

use super::address::Cidr;
use super::policy::Direction;
use crate::Claim;
use crate::field::is_empty_selector;

/// Returns the peers of a rule. None means anyone.
pub(super) fn peers(rule: Value<'_>, direction: Direction) -> impl Iterator<Item = Value<'_>> {
    rule.list(direction.peers())
}

/// Whether a rule has no peers, which allows everyone.
pub(super) fn allows_anybody(rule: Value<'_>, direction: Direction) -> bool {
    // The API server reads null as a rule without fields.
    matches!(rule.kind(), Kind::Mapping | Kind::Null) && peers(rule, direction).next().is_none()
}

/// Whether a rule allows every TCP port, possibly by several ranges.
pub(super) fn allows_every_port(rule: Value<'_>) -> bool {
    if rule.list("ports").next().is_none() {
        return true;
    }
    let range = |port: Value<'_>| match port.get("port").filter(|p| !p.is_null()) {
        None => Some((1, 65535)),
        Some(first) => {
            let first = first.as_i64()?;
            Some((first, port.get("endPort").and_then(Value::as_i64).unwrap_or(first)))
        }
    };
    let mut ranges: Vec<_> = rule.list("ports").filter(|p| is_tcp(*p)).filter_map(range).collect();
    ranges.sort_unstable();
    let free = ranges.into_iter().fold(
        1,
        |free, (first, last)| {
            if first <= free { free.max(last + 1) } else { free }
        },
    );
    free > 65535
}

/// Whether a rule allows a TCP port by number. A named port is one of the destination pod, so it
/// matches nothing outside the cluster.
pub(super) fn allows_port(rule: Value<'_>, number: i64) -> bool {
    allows_target(rule, &Target { protocol: "TCP", number: Some(number), name: None })
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
pub(super) fn allows_target(rule: Value<'_>, target: &Target<'_>) -> bool {
    rule.list("ports").next().is_none()
        || rule.list("ports").any(|port| {
            if port.str("protocol").unwrap_or("TCP") != target.protocol {
                return false;
            }
            let Some(first) = port.get("port").filter(|p| !p.is_null()) else { return true };
            if let Some(name) = first.as_str() {
                return target.name == Some(name);
            }
            let first = first.as_i64();
            let last = port.get("endPort").and_then(Value::as_i64).or(first);
            matches!((first, last, target.number), (Some(f), Some(l), Some(n)) if f <= n && n <= l)
        })
}

fn is_tcp(port: Value<'_>) -> bool {
    port.str("protocol").is_none_or(|p| p == "TCP")
}

/// The address block of a peer.
pub(super) struct Block<'a> {
    /// The value of `cidr`.
    pub(super) value: Value<'a>,
    pub(super) cidr: Cidr,
    pub(super) except: Vec<Cidr>,
}

impl Block<'_> {
    /// Whether the block contains the address and no exception does.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.cidr.contains(address) && !self.except.iter().any(|e| e.contains(address))
    }
}

/// Returns the address block of a peer, if it has one, or the part of it that is invalid.
pub(super) fn block(peer: Value<'_>) -> Option<Result<Block<'_>, Value<'_>>> {
    let block = peer.get("ipBlock").filter(|b| !b.is_null())?;
    let read = |value: Value<'_>| value.as_str().and_then(Cidr::read);
    let Some((value, cidr)) = block.get("cidr").and_then(|v| Some((v, read(v)?))) else {
        return Some(Err(block.get("cidr").unwrap_or(block)));
    };
    let mut except = Vec::new();
    for value in block.list("except") {
        match read(value) {
            Some(cidr) => except.push(cidr),
            None => return Some(Err(value)),
        }
    }
    Some(Ok(Block { value, cidr, except }))
}

/// Returns the claim for an invalid address block.
pub(super) fn unreadable(value: Value<'_>) -> Claim<'_> {
    let text = value.scalar_text().unwrap_or_default();
    Claim::unknown(value, format!("`{text}` is not a valid CIDR"))
}

/// Whether a peer is every pod of the cluster: all pods in all namespaces.
pub(super) fn is_every_pod(peer: Value<'_>) -> bool {
    let is_empty = |field: &str| peer.get(field).is_some_and(is_empty_selector);
    let absent = |field: &str| peer.get(field).is_none_or(Value::is_null);
    is_empty("namespaceSelector") && (absent("podSelector") || is_empty("podSelector"))
}
