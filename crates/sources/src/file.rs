//! Reads a file and determines whether it is text.

use std::path::PathBuf;

use pavisade_model::{Note, NoteKind};
use pavisade_yaml::{Origin, Source};

use crate::Skip;
use crate::document::{self, Parsed};
use crate::names::Named;
use crate::note::{plain_note, too_large, unread};
use crate::open::{Bytes, read_walked};
use crate::text::{Text, decode, looks_binary, may_spell};

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Its path.
    pub path: PathBuf,
    /// The name shown to users.
    pub name: String,
    /// The origin of its text.
    pub origin: Origin,
    /// The type according to its name.
    pub named: Named,
    /// Whether the user named this file.
    pub direct: bool,
    /// For a file that Helm or kustomize reads: the reason for skipping it, unless it contains an
    /// object that kubectl would send.
    pub owner: Option<Skip>,
    /// The index of the group in the plan that its objects belong to.
    pub group: usize,
    /// Its size in bytes, if known already.
    pub length: u64,
}

/// The result of reading a file.
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

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(candidate: &Candidate, limit: u64) -> Outcome {
    match read_walked(&candidate.path, limit) {
        Ok(Bytes::All(bytes)) => outcome(candidate, bytes),
        Ok(Bytes::TooMany) => Outcome::note(too_large(&candidate.name, limit)),
        Err(error) => Outcome::note(unread(&candidate.name, &error)),
    }
}

/// Returns the content of a file.
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
            let message = "this Dockerfile contains no build stage";
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
            message: "invalid UTF-8 here; kubectl reads U+FFFD instead".into(),
            remedy: "Save it as UTF-8.".into(),
        });
    }
    let bytes = if parsed.objects.is_empty() { 0 } else { length };
    Outcome { parsed, bytes, skip: None }
}
