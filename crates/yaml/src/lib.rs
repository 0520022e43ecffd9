//! YAML and JSON documents, read as kubectl reads them.
//!
//! A text is cut into documents by kubectl's rule ([`cut`]). Each document becomes one flat arena
//! of 24-byte nodes ([`Doc`]) that point into the text. A [`Value`] is a handle: a document and a
//! node. Scalars have the meaning of YAML 1.1 in go-yaml, then of Go's JSON: `y` is true, `014` is
//! 12, `1.0` is 1. Texts that are not slices of the source (folded, escaped) are decoded on first
//! use.
//!
//! [`amend`] edits a text in place and changes nothing else.
//!
//! Out of scope: what a document means to Kubernetes, and files.

mod arena;
mod canonical;
mod chars;
mod decode;
mod doc;
mod dockerfile;
mod edit;
mod json;
mod kubectl;
mod origin;
mod parse;
mod read;
mod resolve;
mod scan;

pub use canonical::to_json;
pub use doc::{Doc, Kind, NodeId, Source, SourceId, Value};
pub use dockerfile::{MAX_STAGES, dockerfile};
#[doc(hidden)]
pub use edit::amend_one_by_one;
pub use edit::{Amended, Amendment, Edit, Refused, amend};
pub use kubectl::{Object, Objects, Refusal, objects};
pub use origin::{Origin, Renderer};
pub use parse::EXCESSIVE_ALIASING;
pub use read::{Documents, Note, NoteKind, Piece, Read, cut, join, read, read_piece};
pub use resolve::Number;
pub use scan::{MAX_DEPTH, SyntaxError};
