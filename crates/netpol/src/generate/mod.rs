//! The least NetworkPolicies that let through what the configuration of workloads names.
//!
//! Needs are read from variables, arguments and ConfigMaps that name Services, and from what leads in
//! from outside. Each namespace gets a policy that closes everything, one for DNS, and one for each
//! workload that has needs. The policies are then read and judged as any others: a need that they
//! cut is told, and so is every connection that they close.
//!
//! Not here: needs that no configuration names (webhooks, scrapes, the API server), which are told
//! as such.

mod needs;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use pavisade_model::kinds;
use pavisade_snapshot::{Object, Reads, Selects, View};
use pavisade_yaml::{Source, objects, read};

use crate::addresses::Addresses;
use crate::connections::{Connections, Protocol};
use crate::controller::Serving;
use crate::diff::{Change, differences};
use crate::engine::{Engine, PartyId};
use crate::exposure::Imagined;
use crate::lint::dns_servers;
use crate::network::{Network, READS};
use crate::policy::{Direction, Tier};
use crate::profile::Assumptions;

pub use needs::Unmet;

/// The kinds that policies are made from.
pub const GENERATE_READS: Reads =
    &[READS[0], READS[1], READS[2], READS[3], READS[4], READS[5], &[kinds::CONFIG_MAP]];

/// Who needs a connection, or is asked for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A workload, by its place.
    Workload(usize),
    /// Addresses outside of the cluster.
    Outside(Addresses),
    /// What serves Ingresses and Routes, wherever it runs.
    Controller,
}

/// A connection that is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Who connects.
    pub from: Side,
    /// To whom.
    pub to: Side,
    /// To which ports.
    pub ports: Connections,
    /// What names it: `variable API_URL`, `Ingress shop/web`.
    pub because: String,
}

/// Policies, and what follows from them.
#[derive(Debug)]
pub struct Generated {
    /// Manifests by namespace.
    pub manifests: BTreeMap<String, String>,
    /// What the configuration asks for.
    pub needs: Vec<Need>,
    /// Needs that the policies do not let through for certain: a policy of a higher tier stops them,
    /// or may.
    pub cut: Vec<Need>,
    /// Those of them that may go.
    pub unsure: Vec<Need>,
    /// Connections that go today and that the policies close or narrow.
    pub closed: Vec<Change>,
    /// What could not be covered.
    pub unmet: Vec<Unmet>,
}

/// Makes policies for a world.
pub fn generate(view: &View<'_>, assumed: &Assumptions) -> Generated {
    let network = Network::read(view, assumed.clone());
    let (needs, mut unmet) = needs::find(view, &network);
    let before = Engine::new(network);
    let plan = Plan::new(&before, &needs, &mut unmet);
    let manifests = write::manifests(&before, &plan);
    let mut after = replay(view, assumed, &before, &manifests);
    let mut closed = differences((&before, None), (&after, None));
    closed.retain(|change| !change.unclear);
    let controllers = controllers(&mut after);
    let cut = missing(&after, &needs, &controllers);
    let unsure = cut.iter().filter(|need| goes(&after, need, &controllers) != Selects::No);
    let unsure = unsure.cloned();
    let unsure = unsure.collect();
    Generated { manifests, needs, cut, unsure, closed, unmet }
}

/// Needs that a world does not let through with these manifests in place of its NetworkPolicies.
pub fn cut_by(
    view: &View<'_>,
    assumed: &Assumptions,
    needs: &[Need],
    manifests: &BTreeMap<String, String>,
) -> Vec<Need> {
    let before = Engine::new(Network::read(view, assumed.clone()));
    let mut after = replay(view, assumed, &before, manifests);
    let controllers = controllers(&mut after);
    missing(&after, needs, &controllers)
}

fn missing(engine: &Engine, needs: &[Need], controllers: &[PartyId]) -> Vec<Need> {
    needs.iter().filter(|need| goes(engine, need, controllers) != Selects::Yes).cloned().collect()
}

/// The same world with these NetworkPolicies in place of its own.
fn replay(
    view: &View<'_>,
    assumed: &Assumptions,
    before: &Engine,
    manifests: &BTreeMap<String, String>,
) -> Engine {
    let mut made = Vec::new();
    for text in manifests.values() {
        let documents = read(&Source::new("generated", text.as_str()));
        for doc in &documents.docs {
            let sent = objects(doc.root()).sent;
            made.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
    }
    let others = before.network().policies.iter().filter(|p| p.tier != Tier::Network);
    let made = made.iter().chain(others.map(|policy| &policy.object));
    Engine::new(Network::with_policies(view, assumed.clone(), made))
}

/// Whether a need is let through.
fn goes(engine: &Engine, need: &Need, controllers: &[PartyId]) -> Selects {
    let network = engine.network();
    let parties = |side: &Side| -> Vec<PartyId> {
        match side {
            Side::Workload(place) => network.workloads[*place].parties.clone(),
            Side::Outside(addresses) => {
                let of = |id: &PartyId| {
                    let own = engine.party(*id).addresses.as_ref();
                    own.is_some_and(|own| !own.intersect(addresses).is_empty())
                };
                engine.outside().filter(of).collect()
            }
            Side::Controller => controllers.to_vec(),
        }
    };
    let (from, to) = (parties(&need.from), parties(&need.to));
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
    let verdicts = pairs.map(|(from, to)| match need.from {
        // What the controller itself may send is not asked: it may run anywhere.
        Side::Controller => engine.half(Direction::Ingress, to, from),
        _ => engine.verdict(from, to),
    });
    let each = verdicts.map(|verdict| {
        if need.ports.is_subset(&verdict.certain()) {
            Selects::Yes
        } else if need.ports.is_subset(&verdict.allow) {
            Selects::Maybe
        } else {
            Selects::No
        }
    });
    each.fold(Selects::Yes, Selects::and)
}

/// Pods that may serve Ingresses: known controllers, beside pods that no selector singles out.
fn controllers(engine: &mut Engine) -> Vec<PartyId> {
    let rest = Imagined::add(engine).rest;
    let known = Serving::of(engine);
    known.known().filter(|id| !engine.party(*id).host_network).chain([rest]).collect()
}

/// What each workload's policy allows.
#[derive(Debug, Default)]
struct Plan {
    namespaces: BTreeSet<String>,
    /// Ingress and egress of each workload, joined by the other side.
    rules: BTreeMap<usize, [BTreeMap<Side, Connections>; 2]>,
    dns: Dns,
}

/// Where names are asked for.
#[derive(Debug, Default)]
struct Dns {
    namespace: String,
    labels: Vec<(String, String)>,
    ports: Connections,
}

impl Plan {
    fn new(engine: &Engine, needs: &[Need], unmet: &mut Vec<Unmet>) -> Self {
        let network = engine.network();
        let mut plan = Self { dns: Dns::of(engine), ..Self::default() };
        plan.namespaces = network.workloads.iter().map(|w| w.namespace.clone()).collect();
        for need in needs {
            for (side, other, direction) in [(&need.to, &need.from, 0), (&need.from, &need.to, 1)] {
                let Side::Workload(place) = side else { continue };
                let workload = &network.workloads[*place];
                let parties = || workload.parties.iter().map(|id| engine.party(*id));
                if parties().any(|party| party.host_network) {
                    continue;
                }
                if write::labels(engine, *place).is_empty() {
                    unmet.push(Unmet::NoLabels(*place));
                    continue;
                }
                let rules = &mut plan.rules.entry(*place).or_default()[direction];
                let ports = rules.entry(other.clone()).or_default();
                *ports = ports.union(&need.ports);
            }
        }
        for [ingress, _] in plan.rules.values_mut() {
            // The rule for whatever serves Ingresses holds for every pod.
            let Some(all) = ingress.get(&Side::Controller).cloned() else { continue };
            ingress.retain(|side, ports| {
                if matches!(side, Side::Workload(_)) {
                    *ports = ports.subtract(&all);
                }
                !ports.is_empty()
            });
        }
        for (place, workload) in network.workloads.iter().enumerate() {
            if workload.parties.iter().any(|id| engine.party(*id).host_network) {
                unmet.push(Unmet::HostNetwork(place));
            }
        }
        unmet.sort();
        unmet.dedup();
        plan
    }
}

impl Dns {
    /// The DNS servers that were read, or those that clusters usually have.
    fn of(engine: &Engine) -> Self {
        let usual = || {
            let udp = Connections::port(Protocol::Udp, 53);
            udp.union(&Connections::port(Protocol::Tcp, 53))
        };
        let server = dns_servers(engine).into_iter().find_map(|id| {
            let party = engine.party(id);
            if party.host_network {
                return None;
            }
            let namespace = &engine.network().namespaces.get(party.namespace?)?.name;
            let keys = ["k8s-app", "dns.operator.openshift.io/daemonset-dns"];
            let label = keys
                .iter()
                .find_map(|key| Some(((*key).to_owned(), party.labels.known.get(*key)?.clone())))?;
            let named = party.ports.iter().filter(|port| port.name.starts_with("dns"));
            let ports = named.fold(usual(), |all, port| {
                all.union(&Connections::port(port.protocol, port.number))
            });
            Some(Self { namespace: namespace.clone(), labels: vec![label], ports })
        });
        server.unwrap_or_else(|| Self {
            namespace: "kube-system".to_owned(),
            labels: vec![("k8s-app".to_owned(), "kube-dns".to_owned())],
            ports: usual(),
        })
    }
}
