//! What `pavisade-yaml` makes of a text, in the form of kubectl's stored answers.

use pavisade_yaml::{NoteKind, Source, objects, read, to_json};
use serde_json::Value;

use crate::kubectl::comparable;

/// The result of `pavisade-yaml` for a text.
pub(crate) struct Ours {
    /// The objects that would be sent, in order and [`comparable`].
    pub(crate) objects: Vec<Value>,
    /// Whether kubectl is expected to reject something.
    pub(crate) refused: bool,
}

/// Reads a text as kubectl would send it: everything after a syntax error is left out, and so are
/// documents that kubectl cannot decode.
pub(crate) fn as_kubectl(text: &str) -> anyhow::Result<Ours> {
    let documents = read(&Source::new("text", text));
    let stops = |kind| matches!(kind, NoteKind::Unreadable | NoteKind::Refused);
    let mut ours =
        Ours { objects: Vec::new(), refused: documents.notes.iter().any(|note| stops(note.kind)) };
    for doc in &documents.docs[..documents.sent] {
        let found = objects(doc.root());
        ours.refused |= !found.refused.is_empty();
        for object in found.sent {
            let mut value: Value = serde_json::from_str(&to_json(object.value))?;
            if object.value.get("kind").is_none() {
                // From the list that contains it.
                value["kind"] = object.kind.into();
                value["apiVersion"] = object.api_version.into();
            }
            ours.objects.push(comparable(value));
        }
    }
    Ok(ours)
}
