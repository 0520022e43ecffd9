//! What is said of connections, and why it may not be certain.

use pavisade_model::GroupKind;

use crate::connections::Connections;

/// Why it cannot be told whether a connection is let through. Policies and vendors' policies are
/// named by their place in [`crate::Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// Whether the policy selects pods depends on labels that were not read, or that a controller
    /// adds.
    Labels(usize),
    /// Whether a block of addresses of the policy matches pods depends on the plugin, or on
    /// addresses that pods do not have yet.
    Blocks(usize),
    /// Whether the policy matches pods in their node's network depends on the plugin.
    HostNetwork(usize),
    /// Which nodes the policy selects is not known.
    Nodes(usize),
    /// What the domain names of the policy are resolved to is not known.
    Domains(usize),
    /// A part of the policy cannot be read.
    Malformed(usize),
    /// The policy names a port that pods which do not exist yet may have.
    NamedPort(usize),
    /// The two policies have the same priority and say different things.
    Priority(usize, usize),
    /// Whether the plugin enforces the policy depends on its version.
    Enforced(usize),
    /// A policy of a network plugin selects the pod, and is not weighed.
    Vendor(usize),
    /// Policies of a kind were not all read.
    Unread(GroupKind),
    /// A file that may hold policies could not be read.
    UnreadFile,
    /// Which pods serve the Ingress or Route is not known.
    Controller,
    /// The pods of the workload differ in what they may do.
    PodsDiffer,
}

/// Which connections may be let through, and which may be stopped. Those in both are not certain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Verdict {
    /// Let through, as far as is known.
    pub allow: Connections,
    /// Stopped, as far as is known.
    pub deny: Connections,
    /// Why some are in both; sorted, without doubles.
    pub doubts: Vec<Doubt>,
}

impl Verdict {
    /// Everything is let through.
    pub fn open() -> Self {
        Self { allow: Connections::all(), deny: Connections::none(), doubts: Vec::new() }
    }

    /// Connections that are let through for certain.
    pub fn certain(&self) -> Connections {
        self.allow.subtract(&self.deny)
    }

    /// Connections of which it is not known.
    pub fn unsure(&self) -> Connections {
        self.allow.intersect(&self.deny)
    }

    /// Whether all is known, and what seems uncertain holds for some pods or addresses and not for
    /// others.
    pub fn differs_only(&self) -> bool {
        self.doubts.iter().all(|doubt| *doubt == Doubt::PodsDiffer)
    }

    /// What passes both: the end that sends and the end that receives.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        let verdict = Self {
            allow: self.allow.intersect(&other.allow),
            deny: self.deny.union(&other.deny),
            doubts: self.doubts.iter().chain(&other.doubts).copied().collect(),
        };
        verdict.tidy()
    }

    /// What holds of one of several, of which it is not said which.
    #[must_use]
    pub fn either(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        let mut doubts: Vec<_> = self.doubts.iter().chain(&other.doubts).copied().collect();
        doubts.push(Doubt::PodsDiffer);
        let verdict = Self {
            allow: self.allow.union(&other.allow),
            deny: self.deny.union(&other.deny),
            doubts,
        };
        verdict.tidy()
    }

    /// The same of some connections only.
    #[must_use]
    pub(crate) fn of_ports(self, ports: &Connections) -> Self {
        let (allow, deny) = (self.allow.intersect(ports), self.deny.intersect(ports));
        Self { allow, deny, doubts: self.doubts }.tidy()
    }

    /// Drops doubts where nothing is uncertain.
    pub(crate) fn tidy(mut self) -> Self {
        if self.unsure().is_empty() {
            self.doubts.clear();
        }
        self.doubts.sort_unstable();
        self.doubts.dedup();
        self
    }
}
