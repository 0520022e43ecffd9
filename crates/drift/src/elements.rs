//! Elements of lists.

/// How the elements of two lists are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elements {
    /// By their place.
    Ordered,
    /// By what they are.
    Set,
    /// By some fields, between commas.
    Keyed(&'static str),
}
