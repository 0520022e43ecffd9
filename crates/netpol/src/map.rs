//! Which workloads connect to which, and to what is outside of the cluster.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_snapshot::Selects;

use crate::addresses::Addresses;
use crate::cluster::Party;
use crate::connections::Connections;
use crate::controller::Serving;
use crate::engine::{Engine, Known, PartyId, VerdictId};
use crate::service::{Reach, Service};
use crate::verdict::Verdict;

/// One end of a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// A workload, by its place.
    Workload(usize),
    /// Addresses outside of the cluster.
    Outside(Arc<Addresses>),
    /// What serves Ingresses, Routes and Gateways, wherever it runs.
    Controller,
    /// Pods that no selector singles out, in any namespace.
    AnyPod,
}

/// What connects one end to another; lines without connections are left out.
#[derive(Debug, Clone)]
pub struct Line {
    /// Who connects.
    pub from: End,
    /// To whom.
    pub to: End,
    /// Which connections.
    pub verdict: Arc<Verdict>,
}

/// What leads to a workload from outside of the cluster, whatever policies say of it.
#[derive(Debug, Clone)]
pub struct Way {
    /// The workload.
    pub workload: usize,
    /// What leads there.
    pub by: By,
    /// To which ports of its pods.
    pub ports: Connections,
    /// What policies say of that.
    pub verdict: Verdict,
}

/// What leads to a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// An Ingress, Route or route of Gateway API, by its place in [`crate::Network::entries`].
    Entry(usize),
    /// A Service of type LoadBalancer, or with external addresses, by its place in
    /// [`crate::Network::services`].
    LoadBalancer(usize),
    /// A Service of type NodePort.
    NodePort(usize),
    /// Its pods are in the network of their nodes.
    HostNetwork,
    /// Ports of its containers are ports of their nodes.
    HostPort,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Focus {
    /// Workloads of which one is an end, in their order; all where there are none.
    pub workloads: Option<Vec<usize>>,
}

impl Focus {
    fn has(&self, workload: usize) -> bool {
        self.workloads.as_ref().is_none_or(|wanted| wanted.binary_search(&workload).is_ok())
    }
}

/// Asks for pairs of workloads, each kind of pair once.
pub struct Pairs<'e> {
    engine: &'e Engine,
    /// What policies see of the parties of each workload, by class.
    classes: Vec<Vec<Known>>,
    of_workload: Vec<usize>,
    known: HashMap<(usize, usize), Arc<Verdict>>,
    shared: HashMap<VerdictId, Arc<Verdict>>,
}

impl<'e> Pairs<'e> {
    /// For all workloads.
    pub fn new(engine: &'e Engine) -> Self {
        let mut places: HashMap<Vec<Known>, usize> = HashMap::new();
        let mut classes = Vec::new();
        let of_workload = engine.network().workloads.iter().map(|workload| {
            let mut seen: Vec<_> = workload.parties.iter().map(|p| engine.known(*p)).collect();
            seen.sort_unstable();
            seen.dedup();
            *places.entry(seen.clone()).or_insert_with(|| {
                classes.push(seen);
                classes.len() - 1
            })
        });
        let of_workload = of_workload.collect();
        Self { engine, classes, of_workload, known: HashMap::new(), shared: HashMap::new() }
    }

    /// How many kinds of workloads policies tell apart.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// What connects one workload to another.
    pub fn between(&mut self, from: usize, to: usize) -> Arc<Verdict> {
        let key = (self.of_workload[from], self.of_workload[to]);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let (a, b) = (self.classes[key.0].clone(), self.classes[key.1].clone());
        let verdict = self.merged(&a, &b);
        self.known.insert(key, verdict.clone());
        verdict
    }

    /// What connects a workload to a party, or a party to a workload.
    pub fn with(&mut self, workload: usize, party: PartyId, outward: bool) -> Arc<Verdict> {
        let own = self.classes[self.of_workload[workload]].clone();
        let other = [self.engine.known(party)];
        if outward { self.merged(&own, &other) } else { self.merged(&other, &own) }
    }

    fn merged(&mut self, from: &[Known], to: &[Known]) -> Arc<Verdict> {
        let mut ids: Vec<_> = from
            .iter()
            .flat_map(|from| to.iter().map(|to| self.engine.verdict_id(*from, *to)))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if let [one] = ids[..] {
            let engine = self.engine;
            return self
                .shared
                .entry(one)
                .or_insert_with(|| Arc::new(engine.verdict_of(one)))
                .clone();
        }
        let verdicts = ids.into_iter().map(|id| self.engine.verdict_of(id));
        Arc::new(verdicts.reduce(|one, other| one.either(&other)).unwrap_or_default())
    }
}

/// All lines: between workloads, and between these and addresses outside. Addresses to which the
/// same connections go are one end.
pub fn lines(engine: &Engine, focus: &Focus) -> Vec<Line> {
    let mut pairs = Pairs::new(engine);
    let count = engine.network().workloads.len();
    let mut lines = Vec::new();
    let mut put = |from: End, to: End, verdict: Arc<Verdict>| {
        if !verdict.allow.is_empty() {
            lines.push(Line { from, to, verdict });
        }
    };
    let all: Vec<usize> = (0..count).collect();
    for from in 0..count {
        let targets = match &focus.workloads {
            Some(wanted) if !focus.has(from) => wanted,
            _ => &all,
        };
        for to in targets.iter().copied().filter(|to| *to != from) {
            put(End::Workload(from), End::Workload(to), pairs.between(from, to));
        }
    }
    let outside: Vec<_> = engine.outside().collect();
    for workload in (0..count).filter(|workload| focus.has(*workload)) {
        for outward in [true, false] {
            for (addresses, verdict) in joined(engine, &mut pairs, workload, &outside, outward) {
                let (own, other) = (End::Workload(workload), End::Outside(Arc::new(addresses)));
                let (from, to) = if outward { (own, other) } else { (other, own) };
                put(from, to, verdict);
            }
        }
    }
    lines
}

/// Addresses by what connects them to a workload.
fn joined(
    engine: &Engine,
    pairs: &mut Pairs<'_>,
    workload: usize,
    outside: &[PartyId],
    outward: bool,
) -> Vec<(Addresses, Arc<Verdict>)> {
    let mut joined: Vec<(Vec<&Addresses>, Arc<Verdict>)> = Vec::new();
    for id in outside {
        let verdict = pairs.with(workload, *id, outward);
        let Some(addresses) = &engine.party(*id).addresses else { continue };
        match joined.iter_mut().find(|(_, known)| *known == verdict) {
            Some((all, _)) => all.push(addresses),
            None => joined.push((vec![addresses], verdict)),
        }
    }
    let joined = joined.into_iter();
    joined.map(|(all, verdict)| (Addresses::joined(all), verdict)).collect()
}

/// What leads to workloads from outside of the cluster.
pub fn ways(engine: &Engine, serving: &Serving) -> Vec<Way> {
    let network = engine.network();
    let mut ways = Vec::new();
    let from_outside = |ports: &Connections, party: PartyId, from: &[PartyId]| {
        let verdicts = from.iter().map(|from| engine.verdict(*from, party));
        let verdict = verdicts.reduce(|one, other| one.either(&other))?;
        Some(verdict.of_ports(ports))
    };
    let mut push = |workload: usize, by: By, ports: Connections, verdict: Option<Verdict>| {
        if let Some(verdict) = verdict.filter(|_| !ports.is_empty()) {
            ways.push(Way { workload, by, ports, verdict });
        }
    };
    let outside: Vec<_> = engine.outside().collect();
    let anywhere: Vec<_> = outside.first().copied().into_iter().collect();
    let mut services: HashMap<&str, Vec<(usize, &Service)>> = HashMap::new();
    for (place, service) in network.services.iter().enumerate() {
        services.entry(&service.namespace).or_default().push((place, service));
    }
    let mut entries: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (place, entry) in network.entries.iter().enumerate() {
        entries.entry((&entry.namespace, &entry.service)).or_default().push(place);
    }
    for (workload, own) in network.workloads.iter().enumerate() {
        for id in &own.parties {
            let party = engine.party(*id);
            if party.host_network {
                let ports = declared(party, false);
                let verdict = from_outside(&ports, *id, &anywhere);
                push(workload, By::HostNetwork, ports, verdict);
            } else {
                let ports = declared(party, true);
                let verdict = from_outside(&ports, *id, &outside);
                push(workload, By::HostPort, ports, verdict);
            }
            for (place, service) in services.get(&*own.namespace).into_iter().flatten() {
                if service.selects(party, &network.namespaces) == Selects::No {
                    continue;
                }
                let by = match service.reach {
                    Reach::Outside => Some(By::LoadBalancer(*place)),
                    Reach::Nodes => Some(By::NodePort(*place)),
                    Reach::Cluster | Reach::Elsewhere => None,
                };
                if let Some(by) = by {
                    let ports = service.targets(party, |_| true);
                    let verdict = from_outside(&ports, *id, &outside);
                    push(workload, by, ports, verdict);
                }
                let key = (&*service.namespace, service.object.name());
                for entry in entries.get(&key).into_iter().flatten() {
                    let own = &network.entries[*entry];
                    let ports = own.targets(service, party);
                    let verdict = serving.verdict(engine, own, &ports, *id);
                    push(workload, By::Entry(*entry), ports, Some(verdict));
                }
            }
        }
    }
    ways
}

/// The ports that a party declares: all, or those that are ports of its node.
fn declared(party: &Party, on_node: bool) -> Connections {
    let ports = party.ports.iter().filter(|port| !on_node || port.on_node);
    ports.fold(Connections::none(), |all, port| {
        all.union(&Connections::port(port.protocol, port.number))
    })
}
