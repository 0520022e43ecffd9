//! The vocabulary shared by all crates: checks, findings, locations.
//!
//! Out of scope: serialization (`report`) and indexing of objects (`snapshot`).

mod advisory;
mod duration;
mod finding;
mod fingerprint;
mod gap;
mod glob;
mod layer;
mod location;
mod meta;
mod note;
mod path;
mod subject;
mod version;
mod vex;

pub use advisory::{Advisory, Built, Epss, Exploited, FixState, Score, Vulnerability};
pub use duration::duration;
pub use finding::{Detail, Finding, Fix, State, Workload};
pub use fingerprint::Fingerprint;
pub use gap::{Cause, Gap, Why};
pub use glob::{Base, Glob, below, nearest};
pub use layer::{FileId, LayerFile, LayerVisitor};
pub use location::{Location, Related};
pub use meta::{
    Area, Audience, Confidence, Fact, Fixable, GroupKind, Meta, OPEN_POLICY, Program, Rule, Scope,
    Severity, Together, UNHARDENED,
};
pub use note::{Note, NoteKind};
pub use path::{Path, Paths, counterpart, push_field};
pub use subject::{Subject, repository};
pub use version::KubernetesVersion;
pub use vex::{Statement, VexStatus};

pub mod kinds;
