//! Edits of a document that keep the rest of its text unchanged: comments, order, quotes,
//! indentation.
//!
//! An edit is made both in the text and in the document's JSON. It is accepted only if the new text
//! parses to exactly the new JSON. So a shared anchor, a merge or an unsupported style leads to a
//! refusal, never to an unintended change.
//!
//! Independent groups are applied together and verified by a single parse ([`rounds`]). The result
//! is the same as if they were applied one by one.

mod history;
mod meaning;
mod render;
mod rounds;
mod splice;

use std::fmt;

use serde_json::Value as Json;

use crate::doc::{Doc, NodeId};

/// A change of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Sets the value. Enclosing maps are created if absent.
    Set(Json),
    /// Appends an element to the list, unless it has an equal one. The list is created if absent.
    Append(Json),
    /// Removes the value with its key or dash.
    Remove,
}

/// An edit at a position in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The value, or its nearest existing ancestor if it is absent.
    pub at: NodeId,
    /// The fields below `at` that lead to the position. All but the last may be absent too.
    pub below: Vec<String>,
    /// The change.
    pub edit: Edit,
}

/// The reason why an edit was refused. The document is unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The result of edits.
#[derive(Debug)]
pub struct Amended {
    /// The new text of the document, which replaces [`Doc::span`] in its source.
    pub text: String,
    /// The outcome of each group, in order.
    pub made: Vec<Result<(), Refused>>,
}

/// Applies groups of edits as if one by one. Each group is applied completely or not at all.
pub fn amend(doc: &Doc, groups: &[Vec<Amendment>]) -> Amended {
    rounds::amend(doc, groups, usize::MAX)
}

/// [`amend`] without batching, as a reference for tests.
#[doc(hidden)]
pub fn amend_one_by_one(doc: &Doc, groups: &[Vec<Amendment>]) -> Amended {
    rounds::amend(doc, groups, 1)
}

fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

/// One step of a path from a document's root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Field(String),
    Element(usize),
}

#[cfg(test)]
mod tests;
