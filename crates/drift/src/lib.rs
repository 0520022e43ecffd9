//! Differences between an object in a file and the same object stored by an API server.
//!
//! The server changes what it receives: it sets defaults, normalizes quantities, and drops empty
//! and unknown fields. These are not differences, except for a dropped field with an unknown name.
//! The fields and defaults of the kinds are in a table generated from the sources of Kubernetes
//! 1.37, and in rules for what the table cannot express. Both are valid for 1.30 to 1.37.
//!
//! Out of scope: matching objects in files with objects in clusters, and the severity of a
//! difference.

mod canonical;
mod compare;
mod elements;
mod lists;
mod quantity;
mod rules;
mod scalar;
mod shape;
mod snapshots;
mod types;

use pavisade_yaml::Value;
pub use shape::{Misshapen, misshapen};
pub use snapshots::compare;

/// How two objects are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The first object is from a file. Changes by the server are not differences.
    Written,
    /// Both objects are stored. Every difference counts, except `status`, `managedFields` and other
    /// fields that change by themselves.
    Stored,
}

/// The differences between two objects.
#[derive(Debug, Clone)]
pub struct Drift<'w, 's> {
    /// In the order of the file. Those only in the store follow, map by map.
    pub differences: Vec<Difference<'w, 's>>,
    /// Whether the defaults of the kind are known. For custom resources they are not: then a field
    /// only in the store is not a difference, but a longer list is.
    pub defaults_known: bool,
}

/// A field or list element that differs.
#[derive(Debug, Clone)]
pub struct Difference<'w, 's> {
    /// The field path for display: `spec.containers[name=web].image`.
    pub path: String,
    /// The type of difference.
    pub kind: DifferenceKind,
    /// The value in the file. `None` for [`DifferenceKind::Added`].
    pub written: Option<Value<'w>>,
    /// The value in the store. `None` for [`DifferenceKind::Missing`].
    pub stored: Option<Value<'s>>,
    /// Whether the kind has this field. A missing field that is unknown is misspelled, or of
    /// another version.
    pub known_field: bool,
    /// Whether the values are from a Secret and must not be shown.
    pub secret: bool,
}

/// The type of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// In both, with different values.
    Changed,
    /// Only in the file.
    Missing,
    /// Only in the store.
    Added,
}

/// Compares an object as written with the stored object. Group and kind are those of the stored
/// object. Its version is that of its `apiVersion`, or the newest one if absent, as in a list. Time
/// and memory are linear in the size of the two objects.
///
/// Values of a stored Secret that are not base64 are treated as redacted and not compared with a
/// file.
pub fn drift<'w, 's>(
    written: Value<'w>,
    stored: Value<'s>,
    group: &str,
    kind: &str,
    mode: Mode,
) -> Drift<'w, 's> {
    compare::compare(written, stored, group, kind, mode)
}

/// Whether the fields and defaults of the kind are known.
pub fn defaults_known(group: &str, kind: &str) -> bool {
    types::Types::get().of_kind(group, kind, "").is_some()
}

#[cfg(test)]
mod tests;
