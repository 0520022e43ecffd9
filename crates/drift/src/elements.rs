//! Matching modes for list elements.

/// How the elements of two lists are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elements {
    /// By index.
    Ordered,
    /// By value.
    Set,
    /// By some fields, separated by commas.
    Keyed(&'static str),
}
