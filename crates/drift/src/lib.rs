//! What differs between an object as a file has it and the same object as an API server stores
//! it.
//!
//! The server rewrites what it is given: it fills defaults, writes quantities in one form, drops
//! empty fields and fields that it does not know. None of that is a difference here, but for the
//! dropped field of a wrong name. What is known of the kinds (their fields, and what the server
//! and the standard controllers put there) is a table made from the sources of Kubernetes 1.37
//! and rules for what the table cannot say; both hold for 1.30 to 1.37.
//!
//! Not here: which object of a file is which of a cluster, and what a difference is worth.

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
    /// The first is written by people: what the server makes of it is no difference.
    Written,
    /// Both are stored: every difference counts but `status`, `managedFields` and the other
    /// fields that change by themselves.
    Stored,
}

/// What differs between two objects.
#[derive(Debug, Clone)]
pub struct Drift<'w, 's> {
    /// In the order of the file; what only the store has comes behind it, map by map.
    pub differences: Vec<Difference<'w, 's>>,
    /// Whether the kind's defaults are known. Those of custom resources are not: a field that
    /// only the store has is then no difference, but a longer list is.
    pub defaults_known: bool,
}

/// One field, or one element of a list, that differs.
#[derive(Debug, Clone)]
pub struct Difference<'w, 's> {
    /// The field's path for people: `spec.containers[name=web].image`.
    pub path: String,
    /// What differs.
    pub kind: DifferenceKind,
    /// The value in the file; `None` where it is [`DifferenceKind::Added`].
    pub written: Option<Value<'w>>,
    /// The value in the store; `None` where it is [`DifferenceKind::Missing`].
    pub stored: Option<Value<'s>>,
    /// Whether the kind has such a field. A field that is missing and not known is misspelt, or
    /// of another version.
    pub known_field: bool,
    /// Whether the values are of a Secret, and not to be shown.
    pub secret: bool,
}

/// How a field differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// Both have it, with different values.
    Changed,
    /// Only the file has it.
    Missing,
    /// Only the store has it.
    Added,
}

/// What differs between an object as written and as stored. Group and kind are those of the
/// stored object; its version is read from its `apiVersion`, and is the newest where there is
/// none, as in a list. Times and memory are linear in the two objects.
///
/// Values of a Secret that are no base64 in the store stand for values that were taken out, and
/// are not compared with a file.
pub fn drift<'w, 's>(
    written: Value<'w>,
    stored: Value<'s>,
    group: &str,
    kind: &str,
    mode: Mode,
) -> Drift<'w, 's> {
    compare::compare(written, stored, group, kind, mode)
}

/// Whether the kind's fields and their defaults are known.
pub fn defaults_known(group: &str, kind: &str) -> bool {
    types::Types::get().of_kind(group, kind, "").is_some()
}

#[cfg(test)]
mod tests;
