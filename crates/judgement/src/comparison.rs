//! Differences between two snapshots of one cluster.

use std::sync::Arc;

use pavisade_snapshot::ObjectId;

/// The differences between two snapshots.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Objects that differ, ordered by world and id.
    pub changes: Vec<ObjectChange>,
    /// Sentences about objects that could not be compared, because one snapshot does not contain
    /// them.
    pub uncompared: Vec<String>,
    /// Sentences about objects that could not be compared, because neither snapshot was meant to
    /// contain them.
    pub unasked: Vec<String>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectChange {
    /// The world.
    pub world: Arc<str>,
    /// The object.
    pub id: ObjectId,
    /// The difference.
    pub what: What,
}

/// The difference of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Only in the second snapshot.
    Added,
    /// Only in the first snapshot.
    Removed,
    /// In both, with differences in these fields.
    Changed(Vec<String>),
}
