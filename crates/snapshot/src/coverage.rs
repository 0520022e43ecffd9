//! How much of a kind was seen.

/// Whether a world holds all objects of a kind. "There is none" is true only where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// All that exist.
    Complete,
    /// Some: files show what somebody means to apply, not what is there.
    Partial,
    /// Not all was read: the list was refused, broke off, or was not asked for.
    /// [`World::cause`](crate::World::cause) says which.
    Unread,
    /// The cluster does not serve the kind.
    NotServed,
}
