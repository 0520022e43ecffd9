//! Notes on what was not read, without a location in a text.

use std::io;

use pavisade_model::{Note, NoteKind};

/// Returns the note for an I/O error.
pub(crate) fn unread(name: &str, error: &io::Error) -> Note {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "Make it readable for the user who runs the scan.",
        io::ErrorKind::NotFound => "Check the path.",
        _ => "",
    };
    plain_note(NoteKind::Unread, name, reason(error), remedy)
}

/// Returns the message of an error as a shell shows it.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Returns a note without a location in a text.
pub(crate) fn plain_note(
    kind: NoteKind,
    place: &str,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Note {
    let (message, remedy) = (message.into(), remedy.into());
    Note { kind, place: place.into(), span: None, message, remedy }
}

/// Returns the note for a file above the size limit.
pub(crate) fn too_large(name: &str, limit: u64) -> Note {
    let message = format!("larger than {}", size(limit));
    plain_note(NoteKind::Unread, name, message, "Split it.")
}

/// Formats a size.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
