//! Edits of a document that leave the rest of its text as it is: comments, order, quotes, indents.
//!
//! An edit is made in the text and, beside it, in the document's JSON. Only where the new text
//! means exactly the new JSON does it count; so an anchor that others share, a merge or a style
//! that is not known here ends in a refusal, never in another change.
//!
//! Groups that have nothing to do with each other are made together and proven by one reading
//! ([`rounds`]); what comes out is what one after another would have given.

mod history;
mod meaning;
mod render;
mod rounds;
mod splice;

use std::fmt;

use serde_json::Value as Json;

use crate::doc::{Doc, NodeId};

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// This is there afterwards, whatever was there before; maps around it are made where absent.
    Set(Json),
    /// The list there has one more element at its end, unless it has an equal one; an absent list
    /// is made.
    Append(Json),
    /// It is gone, with its key or its dash.
    Remove,
}

/// An edit at a place of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The value, or the nearest one that exists around what is absent.
    pub at: NodeId,
    /// The fields below it that lead to the place; all but the last may be absent as well.
    pub below: Vec<String>,
    /// What becomes of it.
    pub edit: Edit,
}

/// Why an edit was not made; the document is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a document.
#[derive(Debug)]
pub struct Amended {
    /// The whole text of the document's part of its source ([`Doc::span`]).
    pub text: String,
    /// For each group, in order, whether it was made.
    pub made: Vec<Result<(), Refused>>,
}

/// Makes groups of edits as if one after another, each whole or not at all.
pub fn amend(doc: &Doc, groups: &[Vec<Amendment>]) -> Amended {
    rounds::amend(doc, groups, usize::MAX)
}

/// [`amend`] without its short cut, which tests compare it with.
#[doc(hidden)]
pub fn amend_one_by_one(doc: &Doc, groups: &[Vec<Amendment>]) -> Amended {
    rounds::amend(doc, groups, 1)
}

fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

/// One step down from a document's root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Field(String),
    Element(usize),
}

#[cfg(test)]
mod tests;
