//! What `pavisade-yaml` makes of a text, in the form in which kubectl's answers are kept.

use pavisade_yaml::{NoteKind, Source, objects, read, to_json};
use serde_json::Value;

use crate::kubectl::comparable;

/// What our reader made of one text.
pub(crate) struct Ours {
    /// What would be sent, in order, [`comparable`].
    pub(crate) objects: Vec<Value>,
    /// Whether kubectl is expected to refuse something.
    pub(crate) refused: bool,
}

/// Reads a text as kubectl would send it: what stands behind a syntax error is left out, and so
/// are documents that kubectl cannot decode.
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
                // What the list around it says.
                value["kind"] = object.kind.into();
                value["apiVersion"] = object.api_version.into();
            }
            ours.objects.push(comparable(value));
        }
    }
    Ok(ours)
}
