//! Penetration tests that are safe to run: what an attacker would try, with proof of what is open
//! and what is closed.
//!
//! The pure parts are separate from sending: a [`Scope`] decides what may be touched, [`plan`] lists
//! every request, each probe is a function from responses to a [`Verdict`], and [`judgement`] makes
//! findings of them. Only `send`, `gate` and `cluster` do I/O. Everything goes through the [`Gate`],
//! which refuses what is out of scope before a packet leaves, limits the rate and the number of
//! requests per host, and writes the journal.
//!
//! Out of scope: persistence, reverse shells, and anything that destroys data or stops a workload.
//! No such probe exists here.

mod component;
mod discovery;
mod dns;
mod exchange;
mod facts;
mod gate;
mod http2;
mod journal;
mod known;
mod network;
mod plan;
mod probe;
mod registry;
mod report;
mod scope;
mod send;
mod shape;
mod technique;
mod tls;
mod verdict;
mod verifier;

mod active;
mod admission;
mod api;
mod cloud;
mod etcd;
mod handshake;
mod kubelet;
mod pod;
mod services;

pub use active::{
    CLUSTER_DNS, Canary, EXPIRES, IN_POD, Inside, LABEL, Running, RunningPods, SEGMENTATION,
    STORED_WITHIN, Segments, Step, active, cluster_dns, created, in_pod, labelled, remove,
    segments, settled,
};
pub use admission::{dry_runs, restricted};
pub use component::{Component, PORTS};
pub use discovery::{Item, LISTS, items, of_environment};
#[doc(hidden)]
pub use dns::names as read_dns;
pub use dns::{Names, Question, RecordKind};
pub use exchange::{Answer, Ask, Exchange, HttpAsk, Offer, Page, Target, TlsFacts};
pub use facts::{NO_RESPONSE, checks, missing, outcomes};
pub use gate::{Gate, Withheld};
#[doc(hidden)]
pub use handshake::read_certificate;
pub use http2::Settings;
#[doc(hidden)]
pub use http2::settings;
pub use journal::{Journal, JournalError, RunId, read as read_journal};
pub use known::Known;
pub use network::OwnNetwork;
pub use plan::{Planned, addresses, plan};
pub use pod::{Mount, PodFacts, Right, Rights, judge_pod, own_namespace, rights};
pub use probe::{Kind, Registered};
pub use registry::REGISTRY;
pub use report::{Outcome, judgement};
pub use scope::{Consent, Limits, Scope};
pub use send::{Found, alive, discover, run};
pub use technique::technique;
pub use tls::{Answered, reply};
pub use verdict::{Closed, Verdict};

/// Returns the user agent of a probe's own requests to the API server.
pub(crate) fn agent(gate: &Gate, probe: &Registered) -> String {
    format!("{} {}", gate.agent(), probe.id())
}

pub(crate) use probe::{Described, EndpointProbe};
