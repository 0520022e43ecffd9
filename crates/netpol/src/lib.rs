//! What can connect to what, by the policies of a world.
//!
//! Policies of every kind are read into one form ([`Policy`]); pods that policies cannot tell apart
//! are one [`Party`]; ports and addresses are intervals. [`Engine`] answers for two parties which
//! connections are let through and which are stopped. Where that depends on what is not known (labels
//! that a controller adds, the network plugin, a policy that could not be read) connections are in
//! both, with the reasons ([`Doubt`]).
//!
//! Not here: texts for users, and protocols other than TCP, UDP and SCTP.

mod addresses;
mod cluster;
mod connections;
mod controller;
mod diff;
mod engine;
mod exposure;
mod generate;
mod intern;
mod intervals;
mod judge;
mod lint;
mod map;
mod matching;
mod near;
mod network;
mod picture;
mod policy;
mod profile;
mod read;
mod rules;
mod selector;
mod service;
mod vendor;
mod verdict;
mod who;

pub use addresses::Addresses;
pub use cluster::{Kind, NamedPort, Namespace, Party, Workload};
pub use connections::{Connections, Protocol};
pub use controller::Serving;
pub use diff::{Change, Name, differences};
pub use engine::{Engine, Known, PartyId, VerdictId};
pub use exposure::{Exposure, Group, Imagined, restricted};
pub use generate::{GENERATE_READS, Generated, Need, Side, Unmet, cut_by, generate};
pub use intervals::{Intervals, Point};
pub use judge::Step;
pub use lint::{Remark, RemarkKind, lint};
pub use map::{By, End, Focus, Line, Pairs, Way, lines, ways};
pub use network::{Network, READS};
pub use pavisade_snapshot::Selects;
pub use picture::Picture;
pub use policy::{Action, Direction, Flaw, FlawKind, Peer, Policy, Ports, Rule, Tier, Within};
pub use profile::{Assumptions, GENERIC, PROFILES, Profile};
pub use rules::{BadLine, Demand, Outcome, Unasked, demands, holds};
pub use selector::{Labels, Operator, Requirement, Selector};
pub use service::{Class, Entry, Reach, Service, ServicePort, Target};
pub use vendor::Vendor;
pub use verdict::{Doubt, Verdict};
pub use who::{Asked, Unclear, Who, ask};
