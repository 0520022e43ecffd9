//! The snapshot file: a snapshot that can be stored, sent, and judged elsewhere.
//!
//! A zstd skippable frame contains the text `pavisade snapshot 2`, so that the first bytes identify
//! the file and `zstd -dc` can still decompress it. It is followed by one zstd frame with a
//! checksum. The frame contains lines of JSON: a header, the facts, the objects, and the number of
//! objects, which detects truncation. Objects of a world other than the first follow a line
//! `{"world":N}`.
//!
//! This module opens no files and starts no threads: it reads from a `Read` and writes to a
//! `Write`. [`Reader::batch`] returns batches that [`Batch::parse`] parses on any thread, and
//! [`Reader::finish`] combines the results.

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

/// The format version that is written.
pub const FORMAT: u32 = 2;
/// The oldest supported format version, which has no facts.
pub const OLDEST: u32 = 1;

/// The start of a skippable frame (RFC 8878, 3.1.2). A length of four bytes follows.
const SKIPPABLE: [u8; 4] = [0x50, 0x2A, 0x4D, 0x18];
/// The start of the frame's text, before the version.
const MAGIC: &str = "pavisade snapshot ";
const END: &str = "{\"end\":";
const WORLD: &str = "{\"world\":";
const IMAGE: &str = "{\"image\":";
const MISSING: &str = "{\"missing\":";

/// Whether a file with this start is a snapshot, of any version.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(&SKIPPABLE) && head.get(8..).is_some_and(|t| t.starts_with(MAGIC.as_bytes()))
}

/// The header of a snapshot file.
#[derive(Debug, Clone)]
pub struct Header {
    /// The program that created it, with its version.
    pub tool: String,
    /// The time of the snapshot.
    pub time: Timestamp,
    /// The worlds, without their objects, which are on the lines after the header.
    pub worlds: Vec<WorldParts>,
    /// Notes about the scanned input, without source locations.
    pub notes: Vec<Note>,
}
