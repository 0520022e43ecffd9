//! The checks: one file per check, and one line in [`registry`].
//!
//! A check is called once per subject, which its lens selects ([`OnPod`], [`OnContainer`],
//! [`OnObject`] …), and returns one of four verdicts. It reads the snapshot only through [`Cx`], a
//! [`View`] limited to its declared kinds.
//!
//! Out of scope: which findings are shown and how (`scan`, `report`).

pub use jiff::Timestamp;

mod advisories;
mod any;
mod certificate;
mod check;
mod component;
mod context;
mod field;
mod fragment;
mod groups;
mod lens;
mod loopback;
mod made;
mod needs;
mod programs;
mod refusal;
mod registry;
mod set;
mod verdict;

mod container;
mod identity;
mod network;
mod operation;
mod storage;
mod supply;

pub use check::{Check, Described};
pub use component::{Component, Flag, FlagSource, Listening, components, listening};
pub use context::Cx;
pub use fragment::is_fragment;
pub use groups::{hardening_setting, unhardened_container};
pub use identity::ways::{READS as WAYS_READS, ways_in};
pub use lens::{
    Dispatch, Lens, OnComponent, OnContainer, OnControlPlane, OnEvery, OnImage, OnImageFact,
    OnMatch, OnObject, OnPod, OnWorld, Part, Target,
};
pub use made::MadeCheck;
pub use needs::Needs;
pub use operation::removed_api_version::removed_in;
pub use pavisade_images::NamedImage;
pub use pavisade_model::Why;
pub use pavisade_snapshot::{Derived, Listing, Reads, View};
pub use registry::{Catalog, Entry, Taken};
pub use set::{CheckSet, ParameterError, Report};
pub use verdict::{Change, Claim, Place, Rare, Verdict};
