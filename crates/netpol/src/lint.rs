//! Policies that do not do what they seem to, and pods that none holds.

use std::collections::BTreeMap;

use pavisade_snapshot::Selects;
use pavisade_yaml::NodeId;

use crate::cluster::Kind;
use crate::connections::{Connections, Protocol};
use crate::engine::{Engine, PartyId};
use crate::exposure::{Imagined, restricted};
use crate::policy::{Direction, FlawKind, Tier};
use crate::verdict::Doubt;

/// Something that is worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The policy, by its place; none where it is about a workload.
    pub policy: Option<usize>,
    /// The workload, by its place.
    pub workload: Option<usize>,
    /// Where in the policy.
    pub node: Option<NodeId>,
    /// What.
    pub kind: RemarkKind,
}

/// What is worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemarkKind {
    /// No pod is selected.
    SelectsNothing,
    /// Only pods in the network of their node are selected, where policies do not apply.
    SelectsHostNetwork,
    /// No policy selects the workload in a direction.
    Uncaptured(Direction),
    /// The workload may not ask for names: no DNS server is reached.
    NoDns,
    /// No pod that the rule is about has a port of that name.
    NoPort(String),
    /// A rule never takes effect: rules before it decide everything.
    Shadowed(usize),
    /// Two policies of one priority contradict each other for the same pods.
    Ambiguous(usize),
    /// A part is not valid.
    Flaw(FlawKind),
    /// The network plugin enforces no policy.
    NotEnforced,
    /// Not all policies were read: those may restrict workloads that others leave open.
    UnreadPolicies,
}

/// All remarks, those about policies first.
pub fn lint(engine: &Engine, imagined: &Imagined) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if !engine.network().assumed.profile.enforces {
        // Nothing is selected, whatever policies say.
        flaws(engine, &mut remarks);
        let kind = RemarkKind::NotEnforced;
        remarks.push(Remark { policy: None, workload: None, node: None, kind });
        return remarks;
    }
    flaws(engine, &mut remarks);
    if engine.network().may_have_unread_policies() {
        let kind = RemarkKind::UnreadPolicies;
        remarks.push(Remark { policy: None, workload: None, node: None, kind });
    }
    selections(engine, &mut remarks);
    rules(engine, &mut remarks);
    priorities(engine, imagined, &mut remarks);
    for (workload, own) in engine.network().workloads.iter().enumerate() {
        let mut put = |kind| {
            remarks.push(Remark { policy: None, workload: Some(workload), node: None, kind });
        };
        for direction in Direction::BOTH {
            let captured = own.parties.iter().map(|id| match engine.party(*id).host_network {
                true => Selects::Yes,
                false => restricted(engine, direction, *id),
            });
            if captured.reduce(Selects::and) == Some(Selects::No) {
                put(RemarkKind::Uncaptured(direction));
            }
        }
        if own.parties.iter().any(|id| is_mute(engine, *id, imagined)) {
            put(RemarkKind::NoDns);
        }
    }
    remarks
}

fn selections(engine: &Engine, remarks: &mut Vec<Remark>) {
    let network = engine.network();
    let mut best: BTreeMap<usize, bool> = BTreeMap::new();
    for id in 0..network.parties.len() {
        for direction in Direction::BOTH {
            for (policy, _) in engine.selecting(direction, id) {
                best.insert(*policy, true);
            }
        }
    }
    for (place, policy) in network.policies.iter().enumerate() {
        let mut put = |node, kind| {
            remarks.push(Remark { policy: Some(place), workload: None, node, kind });
        };
        let node = policy.object.at(&["spec", "podSelector"]).map(|value| value.id());
        let speaks = policy.rules.iter().any(Option::is_some);
        if speaks && !best.contains_key(&place) {
            let on_host = network.parties.iter().any(|party| {
                party.host_network
                    && policy.subject.selects(|key| party.labels.get(key)) == Selects::Yes
                    && party
                        .namespace
                        .is_some_and(|n| network.namespaces[n].name == policy.namespace)
            });
            put(
                node,
                match on_host {
                    true => RemarkKind::SelectsHostNetwork,
                    false => RemarkKind::SelectsNothing,
                },
            );
        }
    }
}

/// Parts that are not valid.
fn flaws(engine: &Engine, remarks: &mut Vec<Remark>) {
    for (place, policy) in engine.network().policies.iter().enumerate() {
        for flaw in &policy.flaws {
            let (node, kind) = (Some(flaw.node), RemarkKind::Flaw(flaw.kind.clone()));
            remarks.push(Remark { policy: Some(place), workload: None, node, kind });
        }
    }
}

/// Names of ports that no pod has, and rules behind others that decide all.
fn rules(engine: &Engine, remarks: &mut Vec<Remark>) {
    let network = engine.network();
    for (place, policy) in network.policies.iter().enumerate() {
        for direction in Direction::BOTH {
            let Some(rules) = policy.of(direction) else { continue };
            for (index, rule) in rules.iter().enumerate() {
                for (name, protocol) in &rule.ports.named {
                    if !has_port(engine, place, direction, index, name, *protocol) {
                        let kind = RemarkKind::NoPort(name.clone());
                        let node = Some(rule.node);
                        remarks.push(Remark { policy: Some(place), workload: None, node, kind });
                    }
                }
                let whole = |earlier: &&crate::policy::Rule| {
                    earlier.ports.fixed.is_all() && earlier.peers == rule.peers
                        || earlier.ports.fixed.is_all()
                            && earlier.peers.contains(&crate::policy::Peer::Anybody)
                };
                if policy.tier != Tier::Network
                    && let Some(by) = rules[..index].iter().position(|rule| whole(&rule))
                {
                    let kind = RemarkKind::Shadowed(by);
                    let node = Some(rule.node);
                    remarks.push(Remark { policy: Some(place), workload: None, node, kind });
                }
            }
        }
    }
}

/// Whether a pod that receives by the rule may have a port of that name.
fn has_port(
    engine: &Engine,
    policy: usize,
    direction: Direction,
    rule: usize,
    name: &str,
    protocol: Option<Protocol>,
) -> bool {
    let network = engine.network();
    let is = |id: PartyId| {
        let party = engine.party(id);
        let named = party.ports.iter().any(|port| {
            port.name == name && protocol.is_none_or(|protocol| protocol == port.protocol)
        });
        named
            && match direction {
                Direction::Ingress => {
                    engine.selecting(direction, id).iter().any(|(p, _)| *p == policy)
                }
                Direction::Egress => engine.peer_is(direction, policy, rule, id) != Selects::No,
            }
    };
    (0..network.parties.len()).any(is)
}

/// Pairs of policies of one priority that say different things of connections that there are.
fn priorities(engine: &Engine, imagined: &Imagined, remarks: &mut Vec<Remark>) {
    let network = engine.network();
    let same = |a: usize, b: usize| {
        let (a, b) = (&network.policies[a], &network.policies[b]);
        (a.tier, a.priority) == (b.tier, b.priority) && a.tier != Tier::Network
    };
    let mut found = std::collections::BTreeSet::new();
    for id in 0..network.parties.len() {
        for direction in Direction::BOTH {
            let selecting = engine.selecting(direction, id);
            let twice = selecting.windows(2).any(|pair| same(pair[0].0, pair[1].0));
            if !twice {
                continue;
            }
            for other in (0..engine.parties().len()).chain([imagined.rest]) {
                for doubt in engine.half(direction, id, other).doubts {
                    if let Doubt::Priority(a, b) = doubt {
                        found.insert((a, b));
                    }
                }
            }
        }
    }
    for (a, b) in found {
        let kind = RemarkKind::Ambiguous(b);
        remarks.push(Remark { policy: Some(a), workload: None, node: None, kind });
    }
}

/// Whether no DNS server can be asked: neither pods that seem to be one, nor any pod, nor addresses
/// outside.
fn is_mute(engine: &Engine, id: PartyId, imagined: &Imagined) -> bool {
    let party = engine.party(id);
    if party.host_network || engine.selecting(Direction::Egress, id).is_empty() {
        return false;
    }
    let dns = dns_servers(engine);
    let targets: Vec<PartyId> = match dns.is_empty() {
        true => vec![imagined.rest],
        false => dns,
    };
    let asks = |target: &PartyId| {
        let ports = dns_ports(engine, *target);
        !engine.verdict(id, *target).allow.intersect(&ports).is_empty()
    };
    let named = |selecting: &(usize, Selects)| {
        // A rule for DNS pods that were not read is meant for them.
        let rules = engine.policy(selecting.0).of(Direction::Egress).unwrap_or(&[]);
        rules.iter().any(|rule| rule.ports.fixed.contains(Protocol::Udp, 53))
    };
    !targets.iter().any(asks)
        && !engine.outside().any(|target| asks(&target))
        && !engine.selecting(Direction::Egress, id).iter().any(named)
}

fn dns_ports(engine: &Engine, target: PartyId) -> Connections {
    let own = engine.party(target).ports.iter().filter(|port| port.name.starts_with("dns"));
    let usual = Connections::port(Protocol::Udp, 53);
    own.fold(usual, |all, port| all.union(&Connections::port(port.protocol, port.number)))
}

/// Pods that seem to be the cluster's DNS servers.
pub(crate) fn dns_servers(engine: &Engine) -> Vec<PartyId> {
    let network = engine.network();
    let is = |id: &PartyId| {
        let party = &network.parties[*id];
        let label = |key: &str| party.labels.known.get(key).map(String::as_str);
        matches!(party.kind, Kind::Pods(_))
            && (matches!(label("k8s-app"), Some("kube-dns" | "coredns" | "node-local-dns"))
                || label("dns.operator.openshift.io/daemonset-dns").is_some())
    };
    (0..network.parties.len()).filter(is).collect()
}
