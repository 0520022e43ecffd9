//! To whom workloads are exposed: to the rest of the cluster, and to pods that do not exist yet.
//!
//! *The rest* is any pod that no selector singles out: only rules for everybody match it. Beside it
//! stand the selectors of rules whose pods may do something else.

use std::collections::BTreeSet;

use pavisade_snapshot::Selects;

use crate::cluster::{Kind, Party};
use crate::engine::{Engine, PartyId};
use crate::policy::{Direction, Peer, Within};
use crate::selector::Selector;
use crate::verdict::Verdict;

/// Pods that a selector singles out, there or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// Their namespaces.
    pub within: Within,
    /// Their labels.
    pub pods: Selector,
}

/// What a workload may do with pods that are not there.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// The workload.
    pub workload: usize,
    /// Seen from it.
    pub direction: Direction,
    /// Whether policies select all of its pods for the direction.
    pub restricted: Selects,
    /// What the rest of the cluster may do.
    pub rest: Verdict,
    /// Groups of pods that may do something else.
    pub groups: Vec<(Group, Verdict)>,
}

/// Imagined pods of an engine.
#[derive(Debug)]
pub struct Imagined {
    /// The rest of the cluster.
    pub rest: PartyId,
    groups: Vec<(Group, PartyId)>,
}

impl Imagined {
    /// Adds the rest of the cluster.
    pub fn add(engine: &mut Engine) -> Self {
        let any = engine.network().any_namespace();
        let everything = Selector::everything;
        let rest = Party { typical: true, ..Party::imagined(everything(), everything(), any) };
        Self { rest: engine.add(rest), groups: Vec::new() }
    }

    /// Adds a party for each group that rules single out as well.
    pub fn with_groups(engine: &mut Engine) -> Self {
        Self::with(engine, true)
    }

    /// The same by what rules say alone: of a namespace its name is known, and not its labels.
    pub fn by_rules(engine: &mut Engine) -> Self {
        Self::with(engine, false)
    }

    fn with(engine: &mut Engine, known_namespaces: bool) -> Self {
        let Self { rest, .. } = Self::add(engine);
        let any = engine.network().any_namespace();
        let everything = Selector::everything;
        let groups = groups(engine).into_iter().filter_map(|group| {
            let (namespaces, namespace) = match &group.within {
                Within::Selected(selector) => (selector.clone(), any),
                Within::Namespace(name) if !known_namespaces => {
                    (Selector::of_labels([("kubernetes.io/metadata.name", name.as_str())]), any)
                }
                Within::Namespace(name) => {
                    let named = |n: &crate::cluster::Namespace| n.name == *name;
                    match engine.network().namespaces.iter().position(named) {
                        Some(place) => (everything(), place),
                        None => return None,
                    }
                }
            };
            let party = Party::imagined(namespaces, group.pods.clone(), namespace);
            let id = engine.add(Party { typical: true, ..party });
            Some((group, id))
        });
        let groups = groups.collect();
        Self { rest, groups }
    }

    /// What workloads may do with them.
    pub fn exposures(&self, engine: &Engine, workload: usize) -> [Exposure; 2] {
        let parties = &engine.network().workloads[workload].parties;
        let of = |direction: Direction| {
            let with = |other: PartyId| {
                let verdicts = parties.iter().map(|own| match direction {
                    Direction::Ingress => engine.verdict(other, *own),
                    Direction::Egress => engine.verdict(*own, other),
                });
                verdicts.reduce(|one, other| one.either(&other)).unwrap_or_default()
            };
            let rest = with(self.rest);
            let restricted = parties.iter().map(|own| restricted(engine, direction, *own));
            let groups = self.groups.iter().map(|(group, id)| (group.clone(), with(*id)));
            Exposure {
                workload,
                direction,
                restricted: restricted.reduce(Selects::and).unwrap_or(Selects::No),
                groups: groups.filter(|(_, verdict)| *verdict != rest).collect(),
                rest,
            }
        };
        Direction::BOTH.map(of)
    }
}

/// Whether a policy selects a party and speaks of a direction. Policies that were not read, and those
/// of network plugins, may.
pub fn restricted(engine: &Engine, direction: Direction, id: PartyId) -> Selects {
    let (network, party) = (engine.network(), engine.party(id));
    let free = party.host_network || matches!(party.kind, Kind::Outside(_));
    if free || !network.assumed.profile.enforces {
        return Selects::No;
    }
    let selecting = engine.selecting(direction, id);
    let vendors = engine.vendors(direction, id);
    let applies = |vendor: &usize| !network.vendors[*vendor].only_to_outside();
    if selecting.iter().any(|(_, selects)| *selects == Selects::Yes) {
        Selects::Yes
    } else if !selecting.is_empty()
        || vendors.iter().any(applies)
        || network.may_have_unread_policies()
    {
        Selects::Maybe
    } else {
        Selects::No
    }
}

/// Groups that rules single out, each once.
fn groups(engine: &Engine) -> BTreeSet<Group> {
    let rules = engine.network().policies.iter().flat_map(|policy| &policy.rules);
    let peers = rules.flatten().flatten().flat_map(|rule| &rule.peers);
    let groups = peers.filter_map(|peer| match peer {
        Peer::Pods(within, pods) => Some(Group { within: within.clone(), pods: pods.clone() }),
        _ => None,
    });
    groups.filter(|group| !is_everybody(group)).collect()
}

fn is_everybody(group: &Group) -> bool {
    matches!(&group.within, Within::Selected(all) if all.is_everything())
        && group.pods.is_everything()
}
