//! What connects to what. Parties are known by what policies see of them, so that each question is
//! asked once for all that are alike.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pavisade_snapshot::Selects;

use crate::cluster::{Kind, Party};
use crate::connections::{Connections, Protocol};
use crate::intern::{Interned, Selects2};
use crate::judge::{Judge, Matched, Selecting, Step};
use crate::matching::{Matching, Memo};
use crate::near::Near;
use crate::network::Network;
use crate::policy::{Direction, Peer, Policy, Rule, Tier};
use crate::verdict::{Doubt, Verdict};

/// The place of a party of an [`Engine`].
pub type PartyId = usize;

/// A network with its policies ready to be asked.
#[derive(Debug)]
pub struct Engine {
    network: Network,
    /// Those of workloads, then addresses outside, then what was added.
    parties: Vec<Party>,
    peers: Peers,
    near_policies: Near,
    near_peers: [Near; 2],
    names: Vec<(String, Option<Protocol>)>,
    known: Vec<Known>,
    subjects: [Interned<Subject>; 2],
    ends: [Interned<End>; 2],
    cache: Mutex<Cache>,
    memo: Memo,
}

/// Peers of all rules, each once, and which of them rules have.
#[derive(Debug, Default)]
struct Peers {
    all: [Vec<(Peer, bool)>; 2],
    /// By direction, policy and rule.
    of_rules: [Vec<Vec<Vec<usize>>>; 2],
    /// Names of ports, by direction, policy and rule.
    names: [Vec<Vec<Vec<usize>>>; 2],
}

/// What is known of a party: its subject and end by direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Known {
    subject: [usize; 2],
    end: [usize; 2],
}

/// What policies see of the end that they select.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Subject {
    /// Policies that select it and speak of the direction.
    selecting: Vec<Selecting>,
    vendors: Vec<usize>,
    /// Whether policies have no say.
    free: bool,
    /// Its named ports, where it is the one that receives.
    ports: Ports,
    /// Peers and names that its rules have.
    peers: Vec<usize>,
    names: Vec<usize>,
}

/// What rules see of the other end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct End {
    /// Peers that are it, or may be, by their places; all others are not.
    peers: Vec<(usize, Selects2)>,
    host_network: bool,
    outside: bool,
    ports: Ports,
}

impl End {
    fn peer(&self, peer: usize) -> Selects2 {
        let found = self.peers.binary_search_by_key(&peer, |(place, _)| *place);
        found.map_or(Selects2::No, |at| self.peers[at].1)
    }
}

/// Numbers behind names of ports: for certain, and possibly.
type Ports = Vec<(Connections, Connections)>;

/// A direction, a subject, and what its rules see of the end; whether that is on a node or outside.
type Half = (usize, usize, Vec<Selects2>, [bool; 2], Ports);

/// Answers by what makes a difference to them.
#[derive(Debug, Default)]
struct Cache {
    verdicts: Interned<Verdict>,
    halves: HashMap<Half, usize>,
    /// By the verdicts of both directions.
    wholes: HashMap<(usize, usize), usize>,
}

/// The place of a verdict; equal verdicts have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerdictId(usize);

impl Engine {
    /// Makes a network ready to be asked.
    pub fn new(network: Network) -> Self {
        let mut names: Interned<(String, Option<Protocol>)> = Interned::default();
        let mut peers = Peers::default();
        for direction in Direction::BOTH {
            let mut all = Interned::default();
            let place = direction.place();
            for policy in &network.policies {
                let of_network = policy.tier == Tier::Network;
                let rules = policy.of(direction).unwrap_or(&[]);
                let of_rule = |rule: &Rule| -> Vec<usize> {
                    rule.peers.iter().map(|peer| all.put((peer.clone(), of_network))).collect()
                };
                peers.of_rules[place].push(rules.iter().map(of_rule).collect());
                let named = |rule: &Rule| -> Vec<usize> {
                    rule.ports.named.iter().map(|name| names.put(name.clone())).collect()
                };
                peers.names[place].push(rules.iter().map(named).collect());
            }
            peers.all[place] = all.all;
        }
        let mut engine = Self {
            parties: Vec::new(),
            near_policies: Near::policies(&network.policies),
            near_peers: [0, 1].map(|place| Near::peers(&peers.all[place])),
            peers,
            names: names.all,
            known: Vec::new(),
            subjects: Default::default(),
            ends: Default::default(),
            cache: Mutex::default(),
            memo: Memo::default(),
            network,
        };
        let outside = engine.network.outside.clone().into_iter().map(Party::outside);
        for party in engine.network.parties.clone().into_iter().chain(outside) {
            engine.add(party);
        }
        engine
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A party.
    pub fn party(&self, id: PartyId) -> &Party {
        &self.parties[id]
    }

    /// All parties: those of workloads, then addresses outside, then what was added.
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// The parties that are addresses outside of the cluster.
    pub fn outside(&self) -> impl Iterator<Item = PartyId> + '_ {
        (0..self.parties.len()).filter(|id| matches!(self.parties[*id].kind, Kind::Outside(_)))
    }

    /// What policies see of a party. Parties with equal ones are alike.
    pub fn known(&self, id: PartyId) -> Known {
        self.known[id]
    }

    /// Adds a party, such as pods that are imagined.
    pub fn add(&mut self, party: Party) -> PartyId {
        let ports: Ports = self.names.iter().map(|name| numbers(name, &party)).collect();
        let mut known = Known { subject: [0; 2], end: [0; 2] };
        for direction in Direction::BOTH {
            let place = direction.place();
            let subject = self.subject(&party, direction, &ports);
            known.subject[place] = self.subjects[place].put(subject);
            let mut matching = Matching { network: &self.network, memo: &mut self.memo };
            let namespace = party.namespace.and_then(|n| self.network.namespaces.get(n));
            let near = self.near_peers[place].of(namespace).into_iter();
            let peers = near.map(|at| {
                let (peer, of_network) = &self.peers.all[place][at];
                (at, Selects2::from(matching.peer(peer, *of_network, &party)))
            });
            let peers = peers.filter(|(_, selects)| *selects != Selects2::No);
            let end = End {
                peers: peers.collect(),
                host_network: party.host_network,
                outside: matches!(party.kind, Kind::Outside(_)),
                // Named ports are those of the end that receives.
                ports: if direction == Direction::Egress { ports.clone() } else { Vec::new() },
            };
            known.end[place] = self.ends[place].put(end);
        }
        self.known.push(known);
        self.parties.push(party);
        self.parties.len() - 1
    }

    fn subject(&mut self, party: &Party, direction: Direction, ports: &Ports) -> Subject {
        let place = direction.place();
        let profile = &self.network.assumed.profile;
        let outside = matches!(party.kind, Kind::Outside(_));
        let free = outside || party.host_network || !profile.enforces;
        let mut subject = Subject {
            selecting: Vec::new(),
            vendors: Vec::new(),
            free,
            ports: Vec::new(),
            peers: Vec::new(),
            names: Vec::new(),
        };
        if let Some(namespace) = party.namespace.and_then(|n| self.network.namespaces.get(n))
            && profile.enforces
        {
            let selects = |(index, vendor): (usize, &crate::vendor::Vendor)| {
                vendor.selects(party, namespace, direction).then_some(index)
            };
            subject.vendors = self.network.vendors.iter().enumerate().filter_map(selects).collect();
        }
        if free {
            return subject;
        }
        let mut matching = Matching { network: &self.network, memo: &mut self.memo };
        let namespace = party.namespace.and_then(|n| self.network.namespaces.get(n));
        for index in self.near_policies.of(namespace) {
            let policy = &self.network.policies[index];
            if policy.of(direction).is_none() {
                continue;
            }
            let enforced = match policy.tier {
                Tier::Network => Selects::Yes,
                _ => profile.cluster_policies,
            };
            let selects = enforced.and(matching.subject(&policy.within, &policy.subject, party));
            if selects != Selects::No {
                subject.selecting.push((index, selects));
                subject.peers.extend(self.peers.of_rules[place][index].iter().flatten());
                subject.names.extend(self.peers.names[place][index].iter().flatten());
            }
        }
        for list in [&mut subject.peers, &mut subject.names] {
            list.sort_unstable();
            list.dedup();
        }
        if direction == Direction::Ingress {
            // Those that its own rules do not name make no difference.
            let named = |name: usize| subject.names.binary_search(&name).is_ok();
            let own = ports.iter().enumerate().map(|(name, numbers)| match named(name) {
                true => numbers.clone(),
                false => Default::default(),
            });
            subject.ports = own.collect();
        }
        subject
    }

    /// Whether connections go from one party to another.
    pub fn verdict(&self, from: PartyId, to: PartyId) -> Verdict {
        let mut cache = self.cache();
        let whole = self.whole(&mut cache, self.known[from], self.known[to]);
        cache.verdicts.all[whole].clone()
    }

    /// The same by what is known of parties; equal answers have equal ids.
    pub fn verdict_id(&self, from: Known, to: Known) -> VerdictId {
        VerdictId(self.whole(&mut self.cache(), from, to))
    }

    /// A verdict by its id.
    pub fn verdict_of(&self, id: VerdictId) -> Verdict {
        self.cache().verdicts.all[id.0].clone()
    }

    /// What one direction says alone: whether a party may send to, or receive from, another.
    pub fn half(&self, direction: Direction, subject: PartyId, other: PartyId) -> Verdict {
        let mut cache = self.cache();
        let half = self.half_of(&mut cache, direction, self.known[subject], self.known[other]);
        cache.verdicts.all[half].clone()
    }

    /// What each policy does with connections from one party to another: those of the end that
    /// sends, then those of the end that receives.
    pub fn explain(&self, from: PartyId, to: PartyId) -> Vec<Step> {
        let mut steps = Vec::new();
        for (direction, subject, other) in
            [(Direction::Egress, from, to), (Direction::Ingress, to, from)]
        {
            self.judge(direction, self.known[subject], self.known[other], Some(&mut steps));
        }
        steps
    }

    /// Policies that select a party and speak of a direction.
    pub fn selecting(&self, direction: Direction, party: PartyId) -> &[(usize, Selects)] {
        let place = direction.place();
        &self.subjects[place].all[self.known[party].subject[place]].selecting
    }

    /// Policies of network plugins that may select a party for a direction.
    pub fn vendors(&self, direction: Direction, party: PartyId) -> &[usize] {
        let place = direction.place();
        &self.subjects[place].all[self.known[party].subject[place]].vendors
    }

    /// Whether a peer of a rule is a party.
    pub fn peer_is(
        &self,
        direction: Direction,
        policy: usize,
        rule: usize,
        party: PartyId,
    ) -> Selects {
        let place = direction.place();
        let end = &self.ends[place].all[self.known[party].end[place]];
        let of_rule = &self.peers.of_rules[place][policy][rule];
        let best = of_rule.iter().map(|peer| end.peer(*peer)).max();
        match best.unwrap_or(Selects2::No) {
            Selects2::No => Selects::No,
            Selects2::Maybe => Selects::Maybe,
            Selects2::Yes => Selects::Yes,
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whole(&self, cache: &mut Cache, from: Known, to: Known) -> usize {
        let out = self.half_of(cache, Direction::Egress, from, to);
        let into = self.half_of(cache, Direction::Ingress, to, from);
        if let Some(known) = cache.wholes.get(&(out, into)) {
            return *known;
        }
        let both = cache.verdicts.all[out].both(&cache.verdicts.all[into]);
        let place = cache.verdicts.put(both);
        cache.wholes.insert((out, into), place);
        place
    }

    fn half_of(
        &self,
        cache: &mut Cache,
        direction: Direction,
        subject: Known,
        other: Known,
    ) -> usize {
        let place = direction.place();
        let end = &self.ends[place].all[other.end[place]];
        let id = subject.subject[place];
        let subject_seen = &self.subjects[place].all[id];
        let peers = subject_seen.peers.iter().map(|peer| end.peer(*peer)).collect();
        let ports = match direction {
            Direction::Ingress => Vec::new(),
            Direction::Egress => {
                subject_seen.names.iter().map(|name| end.ports[*name].clone()).collect()
            }
        };
        let key = (place, id, peers, [end.host_network, end.outside], ports);
        if let Some(known) = cache.halves.get(&key) {
            return *known;
        }
        let verdict = self.judge(direction, subject, other, None);
        let verdict = cache.verdicts.put(verdict);
        cache.halves.insert(key, verdict);
        verdict
    }

    fn judge(
        &self,
        direction: Direction,
        subject: Known,
        other: Known,
        trace: Option<&mut Vec<Step>>,
    ) -> Verdict {
        let place = direction.place();
        let end = &self.ends[place].all[other.end[place]];
        let subject = &self.subjects[place].all[subject.subject[place]];
        let ports = match direction {
            Direction::Ingress => &subject.ports,
            Direction::Egress => &end.ports,
        };
        let matched = |policy: usize, index: usize, rule: &Rule| {
            self.matched(place, (policy, index, rule), end, ports)
        };
        let judge = Judge {
            policies: &self.network.policies,
            direction,
            selecting: &subject.selecting,
            matched,
        };
        let mut verdict = judge.judge(trace);
        if subject.free && subject.vendors.is_empty() {
            return verdict;
        }
        let files = self.network.assumed.files_unread.then_some(Doubt::UnreadFile);
        let unread = self.network.unread.iter().map(|kind| Doubt::Unread(*kind));
        let leaves = end.outside || end.host_network;
        let vendors = subject.vendors.iter().copied();
        let vendors = vendors.filter(|v| leaves || !self.network.vendors[*v].only_to_outside());
        let doubts: Vec<_> = vendors.map(Doubt::Vendor).chain(unread).chain(files).collect();
        if !doubts.is_empty() {
            verdict.allow = Connections::all();
            verdict.deny = Connections::all();
            verdict.doubts.extend(doubts);
            return verdict.tidy();
        }
        if self.network.assumed.profile.cluster_policies == Selects::Maybe {
            for doubt in &mut verdict.doubts {
                if let Doubt::Labels(policy) = *doubt
                    && self.network.policies[policy].tier != Tier::Network
                {
                    *doubt = Doubt::Enforced(policy);
                }
            }
        }
        verdict
    }

    fn matched(
        &self,
        place: usize,
        (policy, index, rule): (usize, usize, &Rule),
        end: &End,
        ports: &Ports,
    ) -> Matched {
        let mut matched = Matched::default();
        let peers = &self.peers.of_rules[place][policy][index];
        let best = peers.iter().map(|peer| end.peer(*peer)).max().unwrap_or(Selects2::No);
        if best == Selects2::No {
            return matched;
        }
        matched.names_peer = true;
        let (mut sure, mut may) = (rule.ports.fixed.clone(), rule.ports.fixed.clone());
        for name in &self.peers.names[place][policy][index] {
            if let Some((surely, maybe)) = ports.get(*name) {
                sure = sure.union(surely);
                may = may.union(maybe);
                if surely != maybe {
                    matched.doubts.push(Doubt::NamedPort(policy));
                }
            }
        }
        if rule.ports.unknown {
            may = Connections::all();
            matched.doubts.push(Doubt::Malformed(policy));
        }
        if best == Selects2::Maybe {
            sure = Connections::none();
            let unsure = peers.iter().filter(|peer| end.peer(**peer) == Selects2::Maybe);
            matched.doubts.extend(unsure.map(|peer| match &self.peers.all[place][*peer].0 {
                Peer::Pods(..) if end.host_network => Doubt::HostNetwork(policy),
                Peer::Pods(..) => Doubt::Labels(policy),
                Peer::Block(_) | Peer::Network(_) => Doubt::Blocks(policy),
                Peer::Nodes(_) => Doubt::Nodes(policy),
                Peer::Domains(_) => Doubt::Domains(policy),
                Peer::Anybody | Peer::Nobody | Peer::Unknown => Doubt::Malformed(policy),
            }));
        }
        (matched.sure, matched.may) = (sure, may);
        matched
    }

    /// A policy by its place.
    pub fn policy(&self, place: usize) -> &Policy {
        &self.network.policies[place]
    }
}

/// The numbers of a party's ports of that name.
fn numbers(
    (name, protocol): &(String, Option<Protocol>),
    party: &Party,
) -> (Connections, Connections) {
    if !party.ports_known {
        let all = match protocol {
            Some(protocol) => Connections::of(*protocol),
            None => Connections::all(),
        };
        return (Connections::none(), all);
    }
    let is = |port: &&crate::cluster::NamedPort| {
        port.name == *name && protocol.is_none_or(|protocol| protocol == port.protocol)
    };
    let all = party.ports.iter().filter(is).fold(Connections::none(), |all, port| {
        all.union(&Connections::port(port.protocol, port.number))
    });
    (all.clone(), all)
}
