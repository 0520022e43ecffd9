//! The snapshot that is judged: worlds of objects, indexed and immutable.
//!
//! A world is the unit within which objects are related to each other: a cluster, a Helm release, a
//! kustomization, a directory. Nothing is related across worlds. [`Snapshot::with`] creates a
//! changed snapshot cheaply: it shares everything that did not change.
//!
//! [`Facts`] are data in addition to the objects, such as the content of images.
//!
//! [`file`] stores a snapshot in a file.
//!
//! Out of scope: where objects come from (`sources`), and what they mean (`checks`).

mod cluster;
mod coverage;
mod distribution;
mod facts;
pub mod file;
mod inspection;
mod install;
mod kind;
mod object;
mod patch;
mod pod;
mod selector;
pub mod stored;
mod view;
mod world;
mod written;

pub use cluster::{ClusterFacts, Presented, Served};
pub use coverage::Coverage;
pub use distribution::{Benchmark, Distribution, DistributionName};
pub use facts::{Facts, Image, Images, Layer, Match, Matches, Package, Packages, Signature, Texts};
pub use inspection::{Configuration, Inspection, Notable, NotableFile, Secret, SecretPlace};
pub use install::{Install, Origin, embedded};
pub use kind::WorldKind;
pub use object::{Object, ObjectId, Unseen};
pub use pod::{Container, ContainerKind, Pod};
pub use selector::{Label, Selector, SelectorError, Selects};
pub use view::{Derived, Listing, Reads, View};
pub use world::{Change, Snapshot, World, WorldParts};
