//! Notes about input that could not be read, or was read differently than expected.

use pavisade_yaml::Source;

/// A message about the input that is not a finding.
#[derive(Debug, Clone)]
pub struct Note {
    /// The effect on the result.
    pub kind: NoteKind,
    /// What it is about: a path as shown to users.
    pub place: String,
    /// The source and byte range, if it is in a text.
    pub span: Option<(Source, u32, u32)>,
    /// What happened.
    pub message: String,
    /// How to resolve it. May be empty.
    pub remedy: String,
}

/// The effect of a note on the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Something was not read: the scan is incomplete, which the exit code reflects.
    Unread,
    /// It was read, but a cluster would reject or change it.
    Warning,
    /// A cluster's object differs from the file it was applied from.
    Drift,
    /// Objects that install something which is not part of the input and was not judged.
    Unjudged,
    /// Deliberately skipped, or informational.
    Info,
}

impl NoteKind {
    /// All kinds, most serious first.
    pub const ALL: [Self; 5] =
        [Self::Unread, Self::Warning, Self::Drift, Self::Unjudged, Self::Info];
}
