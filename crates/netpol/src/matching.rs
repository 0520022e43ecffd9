//! Which parties selectors and blocks match, remembered by what makes a difference.

use std::collections::HashMap;

use pavisade_snapshot::Selects;

use crate::addresses::Addresses;
use crate::cluster::{Kind, Party};
use crate::network::Network;
use crate::policy::{Peer, Within};
use crate::profile::Profile;
use crate::selector::{Labels, Selector};

/// The label by which every namespace has its name.
const NAME: &str = "kubernetes.io/metadata.name";

/// A table of what selectors say of label sets: each pair is asked once.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    selectors: HashMap<Selector, usize>,
    labels: HashMap<Labels, usize>,
    known: HashMap<(usize, usize), Selects>,
}

impl Memo {
    fn selects(&mut self, selector: &Selector, labels: &Labels) -> Selects {
        if selector.is_everything() {
            return Selects::Yes;
        }
        let next = self.selectors.len();
        let one = match self.selectors.get(selector) {
            Some(one) => *one,
            None => *self.selectors.entry(selector.clone()).or_insert(next),
        };
        let next = self.labels.len();
        let two = match self.labels.get(labels) {
            Some(two) => *two,
            None => *self.labels.entry(labels.clone()).or_insert(next),
        };
        *self.known.entry((one, two)).or_insert_with(|| selector.selects(|key| labels.get(key)))
    }
}

/// Asks for one party at a time.
pub(crate) struct Matching<'a> {
    pub(crate) network: &'a Network,
    pub(crate) memo: &'a mut Memo,
}

impl Matching<'_> {
    /// Whether a party is one of these pods. It is in the cluster.
    fn pods(&mut self, within: &Within, selector: &Selector, party: &Party) -> Selects {
        let selects = self.selected(within, selector, party);
        if !party.typical || selects != Selects::Maybe {
            return selects;
        }
        if self.network.assumed.negations_single_out {
            return Selects::No;
        }
        // What asks for a label singles pods out; what excludes one leaves most of them.
        let within = match within {
            Within::Selected(selector) => Within::Selected(selector.asked()),
            Within::Namespace(name) => Within::Namespace(name.clone()),
        };
        match self.selected(&within, &selector.asked(), party) {
            Selects::Yes => Selects::Maybe,
            _ => Selects::No,
        }
    }

    fn selected(&mut self, within: &Within, selector: &Selector, party: &Party) -> Selects {
        let Some(namespace) = party.namespace.and_then(|place| self.network.namespaces.get(place))
        else {
            return Selects::No;
        };
        let (of_namespaces, of_pods) = match &party.kind {
            Kind::Imagined(namespaces, pods) => (Some(namespaces), Some(pods)),
            _ => (None, None),
        };
        let inside = match (within, of_namespaces) {
            (Within::Namespace(name), Some(known)) if namespace.name.is_empty() => {
                let named = Selector::of_labels([(NAME, name.as_str())]);
                named.selects_all_of(known, |key| namespace.labels.get(key))
            }
            (Within::Namespace(name), _) => match namespace.name.is_empty() {
                true => Selects::Maybe,
                false => (namespace.name == *name).into(),
            },
            (Within::Selected(selector), Some(known)) => {
                selector.selects_all_of(known, |key| namespace.labels.get(key))
            }
            (Within::Selected(selector), None) => self.memo.selects(selector, &namespace.labels),
        };
        if inside == Selects::No {
            return inside;
        }
        inside.and(match of_pods {
            Some(known) => selector.selects_all_of(known, |key| party.labels.get(key)),
            None => self.memo.selects(selector, &party.labels),
        })
    }

    /// Whether a policy's subject holds a party.
    pub(crate) fn subject(&mut self, within: &Within, pods: &Selector, party: &Party) -> Selects {
        // Policies do not reach pods in their node's network.
        if party.host_network || matches!(party.kind, Kind::Outside(_)) {
            return Selects::No;
        }
        self.pods(within, pods, party)
    }

    /// Whether a peer of a rule is a party. `of_network` says that the rule is one of a
    /// NetworkPolicy.
    pub(crate) fn peer(&mut self, peer: &Peer, of_network: bool, party: &Party) -> Selects {
        let profile = &self.network.assumed.profile;
        let outside = matches!(party.kind, Kind::Outside(_));
        match peer {
            Peer::Anybody => Selects::Yes,
            Peer::Nobody => Selects::No,
            Peer::Unknown => Selects::Maybe,
            Peer::Pods(..) if outside => Selects::No,
            Peer::Pods(within, pods) if party.host_network => {
                let on_host = if of_network { profile.selects_host_network } else { Selects::No };
                on_host.and(self.pods(within, pods, party))
            }
            Peer::Pods(within, pods) => self.pods(within, pods, party),
            Peer::Block(block) => self.block(block, party, by_block(profile, party)),
            Peer::Network(block) => self.block(block, party, profile.networks_match_pods),
            Peer::Nodes(selector) if party.host_network => match selector.is_everything() {
                true => Selects::Yes,
                false => Selects::Maybe,
            },
            // Nodes have addresses that are not those of pods.
            Peer::Nodes(selector) if outside => match (&self.network.nodes, &party.addresses) {
                (Some(nodes), Some(own)) if own.intersect(nodes).is_empty() => Selects::No,
                (Some(nodes), Some(own)) if own.is_subset(nodes) && selector.is_everything() => {
                    Selects::Yes
                }
                _ => Selects::Maybe,
            },
            Peer::Nodes(_) => Selects::No,
            Peer::Domains(_) if outside => Selects::Maybe,
            Peer::Domains(_) => Selects::No,
        }
    }

    /// Whether a block holds a party. `inside` says whether blocks match what is in the cluster.
    fn block(&self, block: &Addresses, party: &Party, inside: Selects) -> Selects {
        if let Kind::Outside(addresses) = &party.kind {
            // Policies' blocks have cut them: all are inside, or none.
            return match (addresses.is_subset(block), addresses.intersect(block).is_empty()) {
                (true, _) => Selects::Yes,
                (false, true) => Selects::No,
                (false, false) => Selects::Maybe,
            };
        }
        // What has no address yet gets a private one of IPv4, or any one of IPv6, or both.
        let every = match self.network.has_v6 {
            true => Addresses::all(),
            false => Addresses::all_v4(),
        };
        inside.and(match &party.addresses {
            Some(own) if own.is_subset(block) => Selects::Yes,
            Some(own) if own.intersect(block).is_empty() => Selects::No,
            Some(_) => Selects::Maybe,
            None if every.is_subset(block) => Selects::Yes,
            None if block.v6().is_empty() && block.intersect(&Addresses::private()).is_empty() => {
                Selects::No
            }
            None => Selects::Maybe,
        })
    }
}

fn by_block(profile: &Profile, party: &Party) -> Selects {
    if party.host_network { profile.blocks_match_nodes } else { profile.blocks_match_pods }
}
