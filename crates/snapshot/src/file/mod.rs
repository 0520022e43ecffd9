//! The snapshot file: a picture that can be kept, sent, and judged elsewhere.
//!
//! A zstd skippable frame holds the text `pavisade snapshot 2`, so that the first bytes say what
//! the file is and `zstd -dc` still unpacks it. One zstd frame with a checksum follows, with lines
//! of JSON: a header, the facts, the objects, and how many these are, so that a file that was cut is noticed.
//! Objects of another world than the first stand behind a line `{"world":N}`.
//!
//! No file is opened here: bytes come from a `Read` and go to a `Write`. Nor are threads started:
//! [`Reader::batch`] gives pieces that [`Batch::parse`] reads on any thread, [`Reader::finish`]
//! puts them together.

mod facts;
mod inspection;
mod limits;
mod read;
#[cfg(test)]
mod tests;
mod wire;
mod write;

use jiff::Timestamp;
use pavisade_model::Note;

pub use limits::Limits;
pub use read::{Batch, Parsed, ReadError, Reader, Saved, read};
pub use write::{Writer, write};

use crate::WorldParts;

/// The version of the form that is written.
pub const FORMAT: u32 = 2;
/// The oldest version that is read: it has no facts.
pub const OLDEST: u32 = 1;

/// A skippable frame (RFC 8878, 3.1.2) begins so; its length follows, as four bytes.
const SKIPPABLE: [u8; 4] = [0x50, 0x2A, 0x4D, 0x18];
/// What its text begins with, before the version.
const MAGIC: &str = "pavisade snapshot ";
const END: &str = "{\"end\":";
const WORLD: &str = "{\"world\":";
const IMAGE: &str = "{\"image\":";
const MISSING: &str = "{\"missing\":";

/// Whether a file that begins so is a snapshot, of whatever version.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(&SKIPPABLE) && head.get(8..).is_some_and(|t| t.starts_with(MAGIC.as_bytes()))
}

/// What a snapshot file says of itself.
#[derive(Debug, Clone)]
pub struct Header {
    /// The program that made it, with its version.
    pub tool: String,
    /// When the picture was taken.
    pub time: Timestamp,
    /// The worlds; their objects stand on the lines below.
    pub worlds: Vec<WorldParts>,
    /// What was noticed while the picture was taken, without places in texts.
    pub notes: Vec<Note>,
}
