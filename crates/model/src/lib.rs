//! Words that every room uses: what a check says about itself, what a finding is, where it is.
//!
//! Not here: how anything is serialised (`report`), how objects are indexed (`snapshot`).

mod finding;
mod gap;
mod glob;
mod layer;
mod meta;
mod note;
mod path;
mod version;

pub use finding::{Detail, Finding, Fingerprint, Location, Mend, State, Subject};
pub use gap::{Cause, Gap};
pub use glob::{Base, Glob, below, nearest};
pub use layer::{LayerFile, LayerVisitor};
pub use meta::{
    Area, Audience, Confidence, GroupKind, Mends, Meta, Program, Rule, Scope, Severity,
};
pub use note::{Note, NoteKind};
pub use path::{Path, Paths, counterpart, push_field};
pub use version::KubernetesVersion;

pub mod kinds;
