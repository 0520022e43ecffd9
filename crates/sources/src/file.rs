//! One file's bytes, and whether they are text.

use std::io::{self, Read};
use std::path::PathBuf;

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{Origin, Source};

use crate::Skip;
use crate::document::{self, Parsed};
use crate::names::Named;
use crate::open::read_walked;
use crate::text::{Text, decode, looks_binary, may_spell};

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// What users call it.
    pub name: String,
    /// Where its text comes from.
    pub origin: Origin,
    /// What its name says.
    pub named: Named,
    /// Whether the user named this very file.
    pub direct: bool,
    /// Where Helm or kustomize reads it for itself: what it counts as unless it holds an object
    /// that kubectl would send.
    pub owner: Option<Skip>,
    /// Which of a plan's groups its objects join.
    pub group: usize,
    /// Its bytes, where they are known already.
    pub length: u64,
}

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub parsed: Parsed,
    pub bytes: u64,
    pub skip: Option<Skip>,
}

impl Outcome {
    fn skip(why: Skip) -> Self {
        Self { skip: Some(why), ..Self::default() }
    }

    fn note(note: Note) -> Self {
        Self { parsed: Parsed { notes: vec![note], ..Parsed::default() }, ..Self::default() }
    }
}

/// Reads a file, of which no more than `limit` bytes are looked at.
pub(crate) fn read(candidate: &Candidate, limit: u64) -> Outcome {
    match read_walked(&candidate.path, limit) {
        Ok(Bytes::All(bytes)) => outcome(candidate, bytes),
        Ok(Bytes::TooMany) => Outcome::note(too_large(&candidate.name, limit)),
        Err(error) => Outcome::note(unread(&candidate.name, &error)),
    }
}

/// A note that something could not be opened or read.
pub(crate) fn unread(name: &str, error: &io::Error) -> Note {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "Make it readable to the user that runs the scan.",
        io::ErrorKind::NotFound => "Check the path.",
        _ => "",
    };
    plain_note(NoteKind::Unread, name, reason(error), remedy)
}

/// An error in the words that a shell uses.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// A note without a place in a text.
pub(crate) fn plain_note(
    kind: NoteKind,
    place: &str,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Note {
    let (message, remedy) = (message.into(), remedy.into());
    Note { kind, place: place.into(), span: None, message, remedy }
}

/// A note on a file above the limit.
pub(crate) fn too_large(name: &str, limit: u64) -> Note {
    let message = format!("larger than {}", size(limit));
    plain_note(NoteKind::Unread, name, message, "Split it.")
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

pub(crate) enum Bytes {
    All(Vec<u8>),
    TooMany,
}

/// Reads to the end, or until there is more than `limit`.
pub(crate) fn read_all(from: impl Read, expected: u64, limit: u64) -> io::Result<Bytes> {
    // Two more: the reader looks for the end, and a source may add a line end.
    let mut bytes = Vec::with_capacity(expected.min(limit) as usize + 2);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { Bytes::TooMany } else { Bytes::All(bytes) })
}

/// What a file holds.
pub(crate) fn outcome(candidate: &Candidate, bytes: Vec<u8>) -> Outcome {
    let name = &candidate.name;
    let spells = |word| may_spell(&bytes, word);
    let counts = match candidate.named {
        Named::Dockerfile => true,
        _ if candidate.direct => true,
        Named::Kubeconfig => spells("apiVersion") && spells("kind") && spells("Config"),
        _ => spells("apiVersion"),
    };
    let binary = looks_binary(&bytes);
    let nothing =
        candidate.owner.unwrap_or(if binary { Skip::Binary } else { Skip::NotKubernetes });
    if !counts {
        return Outcome::skip(nothing);
    }
    let length = bytes.len() as u64;
    let Text { text, invalid } = decode(bytes);
    let source = Source::of(name.as_str(), candidate.origin.clone(), text);
    let mut parsed = match candidate.named {
        Named::Dockerfile => document::dockerfile(&source),
        _ => document::parse(&source, candidate.direct),
    };
    if candidate.owner.is_some() {
        parsed.keep_foreign();
    }
    if binary && candidate.direct && parsed.objects.is_empty() {
        let message = "this is a binary file";
        return Outcome::note(plain_note(NoteKind::Unread, name, message, ""));
    }
    if parsed.objects.is_empty() && parsed.notes.is_empty() && parsed.nothing.is_none() {
        if candidate.direct {
            let message = "no build stage is in this Dockerfile";
            let remedy = "Check the path.";
            let nothing = Some(plain_note(NoteKind::Unread, name, message, remedy));
            return Outcome { parsed: Parsed { nothing, ..parsed }, ..Outcome::default() };
        }
        return Outcome::skip(nothing);
    }
    if let Some(at) = invalid
        && candidate.named != Named::Dockerfile
    {
        parsed.notes.push(Note {
            kind: NoteKind::Warning,
            place: name.clone(),
            span: Some((source, at, at + 3)),
            message: "not valid text here; kubectl reads U+FFFD instead".into(),
            remedy: "Save it as UTF-8.".into(),
        });
    }
    let bytes = if parsed.objects.is_empty() { 0 } else { length };
    Outcome { parsed, bytes, skip: None }
}
