//! Edits of a text that leave the rest of it as it is.

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// This is there afterwards, whatever was there before; maps around it are made where absent.
    Set(serde_json::Value),
    /// The list there has one more element at its end; an absent list is made.
    Append(serde_json::Value),
    /// It is gone, with its key or its dash.
    Remove,
}
