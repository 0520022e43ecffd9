//! What two pictures of one cluster have otherwise than each other.

use std::sync::Arc;

use pavisade_snapshot::ObjectId;

/// What differs between two pictures.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Objects that differ, ordered by world and id.
    pub changes: Vec<ObjectChange>,
    /// What could not be compared, since one of the pictures does not hold it: sentences.
    pub uncompared: Vec<String>,
    /// What could not be compared, since neither picture was meant to hold it: sentences.
    pub unasked: Vec<String>,
}

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectChange {
    /// The world.
    pub world: Arc<str>,
    /// The object.
    pub id: ObjectId,
    /// How.
    pub what: What,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Only the second picture has it.
    Added,
    /// Only the first picture has it.
    Removed,
    /// Both have it, and these fields differ.
    Changed(Vec<String>),
}
