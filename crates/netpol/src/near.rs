//! Which policies and peers can be about a namespace at all, so that not all of them are asked.

use std::collections::HashMap;

use crate::cluster::Namespace;
use crate::policy::{Peer, Policy, Within};

/// Places of things, by the one namespace that they are about.
#[derive(Debug, Default)]
pub(crate) struct Near {
    count: usize,
    everywhere: Vec<usize>,
    by_namespace: HashMap<String, Vec<usize>>,
}

impl Near {
    /// Of policies, by the namespace of their pods.
    pub(crate) fn policies(policies: &[Policy]) -> Self {
        policies.iter().map(|policy| Some(&policy.within)).collect()
    }

    /// Of peers, by the namespace of pods that they select.
    pub(crate) fn peers(peers: &[(Peer, bool)]) -> Self {
        peers.iter().map(within).collect()
    }

    /// The places of what can be about a namespace, in their order; of what is in none, those that
    /// are about no single one; of a namespace that stands for any, all.
    pub(crate) fn of(&self, namespace: Option<&Namespace>) -> Vec<usize> {
        let Some(namespace) = namespace else { return self.everywhere.clone() };
        if namespace.name.is_empty() {
            return (0..self.count).collect();
        }
        let own = self.by_namespace.get(&namespace.name).map_or(&[][..], Vec::as_slice);
        let mut all: Vec<_> = own.iter().chain(&self.everywhere).copied().collect();
        all.sort_unstable();
        all
    }
}

fn within((peer, _): &(Peer, bool)) -> Option<&Within> {
    match peer {
        Peer::Pods(within, _) => Some(within),
        _ => None,
    }
}

impl<'a> FromIterator<Option<&'a Within>> for Near {
    fn from_iter<I: IntoIterator<Item = Option<&'a Within>>>(all: I) -> Self {
        let mut near = Self::default();
        for (place, within) in all.into_iter().enumerate() {
            match within {
                Some(Within::Namespace(name)) => {
                    near.by_namespace.entry(name.clone()).or_default().push(place);
                }
                _ => near.everywhere.push(place),
            }
            near.count = place + 1;
        }
        near
    }
}
