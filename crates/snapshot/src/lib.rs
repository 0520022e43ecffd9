//! The picture that every judgement looks at: worlds of objects, indexed, immutable.
//!
//! A world is what is joined: a cluster, a Helm release, a kustomization, a folder. Nothing is
//! joined across worlds. A [`Snapshot`] is cheap to succeed: [`Snapshot::with`] shares everything
//! that did not change.
//!
//! Beside the objects stand [`Facts`], such as what is in images.
//!
//! The snapshot file ([`file`]) is this picture, kept.
//!
//! Not here: where objects come from (`sources`), what they mean (`checks`).

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
