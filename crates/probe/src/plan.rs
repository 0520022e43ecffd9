//! The plan: every request that a run would send, before anything is sent. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::probe::Kind;
use crate::shape::CONTROL;
use crate::{Ask, Component, HttpAsk, PORTS, Registered, Scope, Target};

/// The address of the metadata services of AWS, Azure and Google Cloud.
pub(crate) const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// The requests to one endpoint.
#[derive(Clone)]
pub struct Planned {
    /// The endpoint.
    pub target: Target,
    /// The requests, each once.
    pub asks: Vec<Ask>,
    /// For each probe, which of the requests are its own.
    pub uses: Vec<(&'static Registered, Vec<usize>)>,
    /// The request for a path that does not exist.
    pub control: Option<usize>,
    /// The same without TLS.
    pub plain_control: Option<usize>,
}

/// Returns the addresses in the networks of a scope.
pub fn addresses(scope: &Scope) -> Vec<IpAddr> {
    let mut all: Vec<_> = scope.networks.iter().flat_map(|network| hosts(*network)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn hosts((network, prefix): (IpAddr, u8)) -> Vec<IpAddr> {
    match network {
        IpAddr::V4(address) => {
            let free = 32 - u32::from(prefix.min(32));
            let first = address.to_bits() & u32::MAX.checked_shl(free).unwrap_or(0);
            let count = 1_u64 << free;
            // The first and last address of a larger network are not hosts (RFC 919).
            let inner = if free > 1 { 1..count - 1 } else { 0..count };
            inner.map(|index| Ipv4Addr::from_bits(first + index as u32).into()).collect()
        }
        IpAddr::V6(address) => {
            let free = 128 - u32::from(prefix.min(128));
            let first = address.to_bits() & u128::MAX.checked_shl(free).unwrap_or(0);
            let count = 1_u128.checked_shl(free).unwrap_or(0).min(1 << 16);
            (0..count).map(|index| Ipv6Addr::from_bits(first + index).into()).collect()
        }
    }
}

/// Returns the endpoints that a scope names, and those at known ports of its addresses.
pub(crate) fn targets(scope: &Scope) -> Vec<Target> {
    let mut all = scope.endpoints.clone();
    for address in addresses(scope) {
        if address == METADATA {
            let address = SocketAddr::new(address, 80);
            all.push(Target { component: Component::Metadata, address });
            continue;
        }
        for (port, component) in PORTS {
            let address = SocketAddr::new(address, port);
            // A named endpoint has its component.
            if !scope.endpoints.iter().any(|named| named.address == address) {
                all.push(Target { component, address });
            }
        }
    }
    all.sort_by_key(|target| (target.address, target.component));
    all.dedup();
    all
}

/// Returns the requests of all `probes` to all endpoints of a scope.
pub fn plan(scope: &Scope, probes: &[&'static Registered]) -> Vec<Planned> {
    targets(scope).into_iter().map(|target| planned(target, probes)).collect()
}

fn planned(target: Target, probes: &[&'static Registered]) -> Planned {
    let mut planned =
        Planned { target, asks: Vec::new(), uses: Vec::new(), control: None, plain_control: None };
    let target = planned.target.clone();
    for probe in probes {
        let Kind::Endpoint { at, asks, .. } = &probe.kind else { continue };
        if !at.contains(&target.component) {
            continue;
        }
        let own = asks(&target);
        let places = own.into_iter().map(|ask| planned.place(ask)).collect();
        planned.uses.push((probe, places));
    }
    let has = |planned: &Planned, over: bool| {
        let is = |ask: &Ask| matches!(ask, Ask::Http(HttpAsk { tls, .. }) if *tls == over);
        planned.asks.iter().any(is)
    };
    if has(&planned, true) {
        planned.control = Some(planned.place(Ask::get(&target, CONTROL)));
    }
    if has(&planned, false) {
        planned.plain_control = Some(planned.place(Ask::plain(CONTROL)));
    }
    planned
}

impl Planned {
    fn place(&mut self, ask: Ask) -> usize {
        if let Some(known) = self.asks.iter().position(|known| *known == ask) {
            return known;
        }
        self.asks.push(ask);
        self.asks.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_planned_once_and_stays_in_scope() {
        let mut scope = Scope::default();
        for item in ["10.1.0.0/30", "kubelet@10.2.0.7:12345", "etcd@10.1.0.1:10250"] {
            scope.add(item).unwrap();
        }
        let probes: Vec<_> = crate::REGISTRY.iter().collect();
        let all = plan(&scope, &probes);
        // Two hosts, and the endpoint elsewhere.
        assert_eq!(all.len(), 2 * PORTS.len() + 1);
        let own = crate::OwnNetwork::default();
        for planned in &all {
            scope.permits(planned.target.address, &own).unwrap();
            for (index, ask) in planned.asks.iter().enumerate() {
                assert!(!planned.asks[..index].contains(ask), "{ask}");
            }
        }
        let at = |address: &str| {
            let address = address.parse().unwrap();
            all.iter().find(|planned| planned.target.address == address).unwrap()
        };
        assert_eq!(at("10.1.0.1:10250").target.component, Component::Etcd);
        assert!(at("10.2.0.7:12345").uses.len() > 10);
        scope.networks = vec![(METADATA, 32)];
        assert_eq!(targets(&scope).len(), 3);
    }
}
