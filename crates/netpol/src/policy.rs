//! Policies of every kind in one form.

use pavisade_snapshot::Object;
use pavisade_yaml::NodeId;

use crate::addresses::Addresses;
use crate::connections::{Connections, Protocol};
use crate::selector::Selector;

/// A direction of traffic, seen from the subject of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// To it.
    Ingress,
    /// From it.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// As `policyTypes` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// The field that holds the rules.
    pub fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field that holds a rule's peers.
    pub fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }

    /// Its place in a pair.
    pub fn place(self) -> usize {
        match self {
            Self::Ingress => 0,
            Self::Egress => 1,
        }
    }
}

/// When a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Before NetworkPolicies; the lowest priority first.
    Admin,
    /// NetworkPolicies: what selects a pod closes it, what they allow adds up.
    Network,
    /// Where no NetworkPolicy selects the pod; the lowest priority first.
    Baseline,
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Lets it through. Rules of a NetworkPolicy do nothing else.
    Allow,
    /// Stops it.
    Deny,
    /// Leaves it to the tiers below.
    Pass,
    /// It cannot be read: any of them, or none.
    Unknown,
}

/// Which namespaces a peer or subject is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Within {
    /// The one of that name.
    Namespace(String),
    /// Those with such labels.
    Selected(Selector),
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Everybody, in the cluster and outside.
    Anybody,
    /// Pods with such labels.
    Pods(Within, Selector),
    /// Addresses by `ipBlock`: whether it matches pods and nodes is up to the plugin.
    Block(Addresses),
    /// Addresses by `networks`: pods and nodes have them as well.
    Network(Addresses),
    /// Nodes with such labels.
    Nodes(Selector),
    /// What a domain name is resolved to.
    Domains(Vec<String>),
    /// No peer: its kind is unknown, in a rule that accepts.
    Nobody,
    /// It cannot be read.
    Unknown,
}

/// Ports of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ports {
    /// By number.
    pub fixed: Connections,
    /// By name, of one protocol or of any.
    pub named: Vec<(String, Option<Protocol>)>,
    /// Whether some cannot be read.
    pub unknown: bool,
}

impl Rule {
    /// Its peers that the object contains, each with its place.
    pub fn placed(&self) -> impl Iterator<Item = (&Peer, NodeId)> {
        self.peers.iter().zip(self.places.iter().copied())
    }

    /// Its blocks of addresses, joined.
    pub fn addresses(&self) -> Addresses {
        let blocks = self.peers.iter().filter_map(|peer| match peer {
            Peer::Block(addresses) | Peer::Network(addresses) => Some(addresses),
            _ => None,
        });
        Addresses::joined(blocks)
    }
}

impl Ports {
    /// All of them.
    pub fn all() -> Self {
        Self { fixed: Connections::all(), ..Self::default() }
    }
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, where its kind has names.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// Any of them.
    pub peers: Vec<Peer>,
    /// Any of them.
    pub ports: Ports,
    /// Its place in the object.
    pub node: NodeId,
    /// Places of its first peers in the object, in their order; only for a NetworkPolicy.
    pub places: Vec<NodeId>,
    /// Places of its ports by name in the object, in their order; only for a NetworkPolicy.
    pub named_at: Vec<NodeId>,
}

/// Something in a policy that the API server refuses, or that does not mean what it seems to.
#[derive(Debug, Clone)]
pub struct Flaw {
    /// Where.
    pub node: NodeId,
    /// What.
    pub kind: FlawKind,
}

/// What is wrong with a part of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlawKind {
    /// A value of the wrong type, or one that the field does not have.
    Malformed,
    /// A peer without a field, or with fields that exclude each other.
    Peer,
    /// A block of addresses that cannot be read, or an exception outside of it.
    Block,
    /// More than the API allows.
    TooMany,
    /// A named port beside peers that have no names of ports.
    NamedPort,
    /// A domain name in a rule that does not accept.
    Domain,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The object.
    pub object: Object,
    /// Its namespace, with the default where it names none; empty where its kind has none.
    pub namespace: String,
    /// When it is asked.
    pub tier: Tier,
    /// The lowest is asked first; 0 for NetworkPolicies.
    pub priority: i64,
    /// The namespaces of its pods.
    pub within: Within,
    /// Its pods.
    pub subject: Selector,
    /// Rules by direction ([`Direction::place`]); `None` where it says nothing of it.
    pub rules: [Option<Vec<Rule>>; 2],
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
}

impl Policy {
    /// Its rules for a direction; `None` where it says nothing of it.
    pub fn of(&self, direction: Direction) -> Option<&[Rule]> {
        self.rules[direction.place()].as_deref()
    }

    /// `NetworkPolicy shop/db`.
    pub fn label(&self) -> String {
        let kind = self.object.kind();
        match &*self.namespace {
            "" => format!("{kind} {}", self.object.name()),
            namespace => format!("{kind} {namespace}/{}", self.object.name()),
        }
    }
}
