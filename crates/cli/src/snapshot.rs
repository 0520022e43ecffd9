//! Snapshot files as the program's input.

use std::path::Path;

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::Snapshot;
use pavisade_sources::{Progress as _, saved};

use crate::progress::Spinner;

/// The picture in a file; a file that cannot be read is a note, as everywhere in a scan.
pub(crate) fn load(file: &Path, progress: &Spinner) -> Snapshot {
    progress.stage("Reading the snapshot");
    saved(file).map(|saved| saved.snapshot).unwrap_or_else(|error| {
        let note = Note {
            kind: NoteKind::Unread,
            place: file.display().to_string(),
            span: None,
            message: error.to_string(),
            remedy: String::new(),
        };
        Snapshot::new(Vec::new(), vec![note])
    })
}
