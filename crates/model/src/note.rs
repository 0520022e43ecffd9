//! What could not be read, or was read differently from what its owner expects.

use pavisade_yaml::Source;

/// Something about the input that is no finding.
#[derive(Debug, Clone)]
pub struct Note {
    /// How serious it is for the scan.
    pub kind: NoteKind,
    /// What it is about: a path as users know it.
    pub place: String,
    /// Where in a text, if in one.
    pub span: Option<(Source, u32, u32)>,
    /// What happened.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

/// What a note means for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Something was not read: the scan is incomplete and exits so.
    Unread,
    /// It was read, but a cluster would not take it this way.
    Warning,
    /// A cluster has it otherwise than the file that it comes from.
    Drift,
    /// Objects have something installed that is not among the input, and was not judged.
    Unjudged,
    /// Left out on purpose, or good to know.
    Info,
}

impl NoteKind {
    /// All, the most serious first.
    pub const ALL: [Self; 5] =
        [Self::Unread, Self::Warning, Self::Drift, Self::Unjudged, Self::Info];
}
