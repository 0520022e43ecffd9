//! How completely the objects of a kind were read.

/// Whether a world contains all objects of a kind. Only then can the absence of an object be
/// concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// All existing objects.
    Complete,
    /// Some objects: files show what is to be applied, not what exists in a cluster.
    Partial,
    /// Not all objects were read: listing them was refused, failed partway, or was not requested.
    /// [`World::cause`](crate::World::cause) returns the reason.
    Unread,
    /// The cluster does not serve the kind.
    NotServed,
}
