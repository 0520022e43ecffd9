//! A second opinion: for one packet, walk the objects and say whether it is let through.
//!
//! Written from the specifications alone: kubernetes.io, *Network Policies* and the API reference of
//! `networking.k8s.io/v1`; network-policy-api.sigs.k8s.io for `policy.networking.k8s.io`. It shares
//! nothing with the engine but the YAML reader: no sets, no classes, one packet at a time.

pub(crate) mod generate;
pub(crate) mod plain;

use std::net::IpAddr;

use pavisade_model::KubernetesVersion;
use pavisade_netpol::{
    Assumptions, Engine, GENERIC, Kind, Network, PartyId, Profile, Protocol, READS, Selects,
};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use generate::Random;
use plain::{Cluster, End, Packet};

/// Packets that each generated cluster is asked about.
const PACKETS: usize = 100;

/// Asks both about generated packets; the disagreements.
pub(crate) fn compare(questions: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut wrong = Vec::new();
    let mut asked = 0;
    while asked < questions && wrong.len() < 5 {
        let text = generate::cluster(&mut random);
        let cluster = Cluster::read(&text);
        let engine = engine(&text);
        for _ in 0..PACKETS.min(questions - asked) {
            asked += 1;
            let packet = generate::packet(&mut random, &cluster);
            if let Some(line) = differs(&cluster, &engine, &packet) {
                wrong.push(format!("{line}\n{text}"));
                break;
            }
        }
    }
    wrong
}

fn differs(cluster: &Cluster, engine: &Engine, packet: &Packet) -> Option<String> {
    let plain = cluster.allows(packet);
    let (from, to) = (party(engine, cluster, &packet.from)?, party(engine, cluster, &packet.to)?);
    let verdict = engine.verdict(from, to);
    let protocol = Protocol::read(packet.protocol).unwrap_or(Protocol::Tcp);
    let (allow, deny) = (
        verdict.allow.contains(protocol, packet.port),
        verdict.deny.contains(protocol, packet.port),
    );
    let explained = says(&engine.explain(from, to), protocol, packet.port);
    (allow != plain || deny == plain || explained != plain).then(|| {
        format!(
            "{packet:?}: plain {plain}, engine allow {allow} deny {deny}, explained {explained}"
        )
    })
}

/// What the steps of an explanation come to: they must agree with the verdict.
fn says(steps: &[pavisade_netpol::Step], protocol: Protocol, port: u16) -> bool {
    use pavisade_netpol::{Action, Direction};
    let of = |direction: Direction| {
        let own = steps.iter().filter(|s| s.direction == direction);
        let mut own = own.filter(|s| s.connections.contains(protocol, port));
        // Steps come in order; what passes is decided later, and allows of NetworkPolicies come before
        // the denial that stands for all of them.
        own.find(|s| s.action != Action::Pass).is_none_or(|s| s.action == Action::Allow)
    };
    of(Direction::Egress) && of(Direction::Ingress)
}

/// A plugin about which nothing is left open.
pub(crate) fn engine(text: &str) -> Engine {
    let mut all = Vec::new();
    for doc in &read(&Source::new("generated", text)).docs {
        let sent = objects(doc.root()).sent;
        all.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let world = World::new(WorldParts::files("generated", WorldKind::Files, all));
    let view = View::new(&world, "network", READS, KubernetesVersion::LATEST);
    let profile = Profile {
        blocks_match_pods: Selects::Yes,
        blocks_match_nodes: Selects::Yes,
        selects_host_network: Selects::No,
        ..GENERIC
    };
    Engine::new(Network::read(&view, Assumptions { profile, ..Assumptions::default() }))
}

fn party(engine: &Engine, cluster: &Cluster, end: &End) -> Option<PartyId> {
    match end {
        End::Pod(index) => {
            let pod = &cluster.pods[*index];
            let workloads = &engine.network().workloads;
            let own =
                workloads.iter().find(|w| w.namespace == pod.namespace && w.name == pod.name)?;
            own.parties.first().copied()
        }
        End::Address(address) => outside(engine, *address),
    }
}

fn outside(engine: &Engine, address: IpAddr) -> Option<PartyId> {
    engine.outside().find(|id| match &engine.party(*id).kind {
        Kind::Outside(addresses) => addresses.contains(address),
        _ => false,
    })
}
