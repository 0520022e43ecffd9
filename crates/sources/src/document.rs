//! Reads a text into objects, with notes on everything that kubectl would report.

use std::collections::HashSet;

use memchr::memmem;
use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, Unseen, embedded};
use pavisade_yaml::{
    self as yaml, Doc, Documents, Kind, MAX_STAGES, NodeId, NoteKind as YamlNote, Piece, Source,
    Value, cut, join, read_piece,
};
use rayon::prelude::*;

use crate::note::plain_note;

/// Number of documents from which on they are read in parallel.
const MANY: usize = 64;
/// Maximum number of notes on one text. Further ones are only counted.
const MAX_NOTES: usize = 20;
/// Bytes of documents that are read between checks of the memory limit.
const PART: usize = 16 << 20;
/// Maximum approximate memory of a text with its values, in bytes.
const MAX_MEMORY: usize = 768 << 20;
/// Maximum number of objects in a text.
const MAX_OBJECTS: usize = 500_000;
/// Approximate memory of an object in addition to its text and values, in bytes.
const OBJECT: usize = 1 << 10;

/// The content of a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub objects: Vec<Object>,
    pub notes: Vec<Note>,
    /// The number of documents of any type.
    pub documents: usize,
    /// The number of objects whose values are encrypted by SOPS.
    pub encrypted: usize,
    /// The number of documents with `${NAME}`.
    pub with_variables: usize,
    /// Whether a Flux Kustomization in it replaces such variables.
    pub substitutes: bool,
    /// Whether a template contains a document that is an object as it is.
    pub withheld: bool,
    /// A note on why it contains no objects, if the user named it.
    pub nothing: Option<Note>,
    /// Its approximate memory, in bytes.
    pub memory: usize,
}

/// Reads a Dockerfile. Empty if it has no stages.
pub(crate) fn dockerfile(source: &Source) -> Parsed {
    let doc = yaml::dockerfile(source);
    let mut parsed = Parsed::default();
    if doc.root().list("stages").next().is_some() {
        parsed.documents = 1;
        parsed.memory = source.text().len() + doc.memory() + OBJECT;
        parsed.objects.push(Object::new(doc.root(), "pavisade.dev/v1", "Dockerfile"));
    }
    if doc.root().list("stages").count() >= MAX_STAGES {
        let message = format!("{MAX_STAGES} build stages or more; the rest was not read");
        parsed.notes.push(plain_note(NoteKind::Unread, &source.shown(), message, ""));
    }
    parsed
}

/// Reads a text. If `direct`, the user named it, and a note explains why it is ignored.
pub(crate) fn parse(source: &Source, direct: bool) -> Parsed {
    let text = source.text();
    let (documents, memory) = documents(source);
    let unreadable = documents.notes.iter().find(|note| note.kind == YamlNote::Unreadable);
    let template = unreadable.is_some() && looks_like_template(text);
    let traits = Traits {
        template,
        encrypted: memmem::find(text.as_bytes(), b"ENC[AES256_GCM").is_some(),
        variables: memmem::find(text.as_bytes(), b"${").is_some(),
    };
    let unseen = unseen_by_doc(&documents);
    let (allowed, objects) = within_limit(&documents.docs);
    let docs = &documents.docs[..allowed];
    let read = |(index, doc): (usize, &Doc)| one(doc, unseen.get(index), &traits);
    let each: Vec<Parsed> = if docs.len() > MANY {
        docs.par_iter().enumerate().with_min_len(MANY).map(read).collect()
    } else {
        docs.iter().enumerate().map(read).collect()
    };
    let mut all = Parsed { memory: memory + objects * OBJECT, ..Parsed::default() };
    let mut foreign = Vec::new();
    for (parsed, doc) in each.into_iter().zip(docs) {
        if parsed.objects.is_empty() && parsed.notes.is_empty() && !empty_list(doc.root()) {
            foreign.push(doc);
        }
        all.add(parsed);
    }
    if let Some(doc) = documents.docs.get(allowed) {
        all.notes.push(too_many(source, doc.span().start));
    }
    notes(source, &documents, template, &mut all);
    if all.objects.is_empty() {
        // A values file that mentions `apiVersion` is not an error. But anything that kubectl would
        // read is never skipped silently.
        let limited = |note: &yaml::Note| {
            note.kind == YamlNote::Limit || note.message == yaml::EXCESSIVE_ALIASING
        };
        let ours = direct
            || all.withheld
            || allowed < documents.docs.len()
            || unreadable.is_some() && has_type_line(text)
            || documents.notes.iter().any(limited);
        if !ours {
            return Parsed::default();
        }
        if direct && all.notes.is_empty() {
            all.nothing = Some(not_an_object(source, &documents));
        }
    } else if let Some(first) = foreign.first().filter(|_| !template) {
        let span = first.root().span();
        let count = match foreign.len() {
            1 => "a document here has".to_owned(),
            n => format!("{n} documents, the first one here, have"),
        };
        let message = format!("{count} no `apiVersion` and `kind`, and was skipped");
        all.notes.push(at(source, NoteKind::Info, (span.start, span.start + 1), message, ""));
    }
    if all.notes.len() > MAX_NOTES {
        let more = all.notes.len() - MAX_NOTES;
        let kind = all.notes[MAX_NOTES..].iter().map(|note| note.kind).min();
        all.notes.truncate(MAX_NOTES);
        all.notes.push(Note {
            kind: kind.unwrap_or(NoteKind::Info),
            place: source.shown().into_owned(),
            span: None,
            message: format!("{more} more notes on this file are not shown"),
            remedy: String::new(),
        });
    }
    all
}

/// Reads the documents of a text in parts until the memory limit is reached. Returns them with
/// their memory.
fn documents(source: &Source) -> (Documents, usize) {
    let mut pieces = cut(source);
    let (mut reads, mut from, mut memory) = (Vec::new(), 0, source.text().len());
    while from < pieces.len() {
        let mut bytes = 0;
        let part = pieces[from..].iter().take_while(|piece| {
            let first = bytes == 0;
            bytes += piece.length();
            first || bytes <= PART
        });
        let to = from + part.count();
        let read = |piece| read_piece(source, piece);
        let part: Vec<_> = match to - from {
            ..=MANY => pieces[from..to].iter().map(read).collect(),
            _ => pieces[from..to].par_iter().map(read).collect(),
        };
        memory += part.iter().filter_map(|read| Some(read.doc()?.memory())).sum::<usize>();
        reads.extend(part);
        from = to;
        if memory > MAX_MEMORY && from < pieces.len() {
            let at = pieces[from].start();
            pieces.truncate(from);
            pieces.push(Piece::Rest(at, TOO_MUCH));
        }
    }
    (join(reads.into_iter()), memory)
}

/// Returns how many documents fit in the limit of objects, and the maximum number of objects.
fn within_limit(docs: &[Doc]) -> (usize, usize) {
    let mut all = 0;
    let fitting = docs.iter().take_while(|doc| {
        let more = doc.root().list("items").count().max(1);
        let fits = all + more <= MAX_OBJECTS;
        all += if fits { more } else { 0 };
        fits
    });
    (fitting.count(), all)
}

const TOO_MUCH: &str = "the content of this file uses too much memory; the rest was not read";

fn too_many(source: &Source, start: u32) -> Note {
    let message = format!("more than {MAX_OBJECTS} objects; the rest was not read");
    at(source, NoteKind::Unread, (start, start + 1), message, "Split it.")
}

impl Parsed {
    fn add(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.notes.extend(other.notes);
        self.documents += other.documents;
        self.encrypted += other.encrypted;
        self.with_variables += other.with_variables;
        self.substitutes |= other.substitutes;
        self.withheld |= other.withheld;
    }

    /// Keeps only complete objects in a file of Helm or kustomize: those with a name, without which
    /// an API server stores no object. Values may contain keys named `apiVersion` and `kind`.
    pub(crate) fn keep_foreign(&mut self) {
        let named = |object: &Object| {
            let metadata = object.at(&["metadata"]);
            !object.name().is_empty() || metadata.is_some_and(|m| m.str("generateName").is_some())
        };
        let foreign = |object: &Object| object.group() != "kustomize.config.k8s.io";
        self.objects.retain(|object| foreign(object) && named(object));
        let any = !self.objects.is_empty();
        self.notes.retain(|note| any && note.kind != NoteKind::Info);
    }
}

/// Features that occur in some document of a text, so that only such texts are searched again.
struct Traits {
    template: bool,
    encrypted: bool,
    variables: bool,
}

/// Returns the objects of a document.
fn one(doc: &Doc, unseen: Option<&Vec<Unseen>>, traits: &Traits) -> Parsed {
    let root = doc.root();
    let span = doc.span();
    let text = &doc.source().text()[span.start as usize..span.end as usize];
    let mut parsed = Parsed { documents: 1, ..Parsed::default() };
    let found = yaml::objects(root);
    // kubectl sends null in a list of pods as an empty pod.
    let typed = |o: &yaml::Object<'_>| {
        !o.api_version.is_empty() && !o.kind.is_empty() && o.value.kind() == Kind::Mapping
    };
    let mut objects = found.sent.iter().filter(|o| typed(o));
    if traits.template && looks_like_template(text) {
        parsed.withheld = objects.next().is_some();
        return parsed;
    }
    parsed.objects.extend(objects.map(|o| Object::new(o.value, o.api_version, o.kind)));
    if !found.refused.is_empty() {
        let sent: HashSet<_> = found.sent.iter().map(|o| o.value.id()).collect();
        parsed.objects.extend(salvaged(root, &sent));
    }
    // A file without objects is not for kubectl, so its errors are not reported.
    for refusal in found.refused.iter().filter(|_| !parsed.objects.is_empty()) {
        let message = format!("kubectl rejects this: {}", refusal.message.trim_end());
        let span = refusal.at.key_span().unwrap_or_else(|| refusal.at.span());
        let span = (span.start, span.end.max(span.start + 1));
        parsed.notes.push(at(doc.source(), NoteKind::Warning, span, message, ""));
    }
    let held: Vec<_> = parsed.objects.iter().flat_map(embedded).collect();
    parsed.objects.extend(held);
    if let Some(unseen) = unseen {
        attach(&mut parsed.objects, unseen);
    }
    if traits.encrypted && root.at(&["sops", "mac"]).is_some() {
        parsed.encrypted = parsed.objects.len();
    }
    parsed.with_variables = usize::from(traits.variables && has_variable(text));
    parsed.substitutes = parsed.objects.iter().any(|object| {
        object.group() == "kustomize.toolkit.fluxcd.io"
            && object.kind() == "Kustomization"
            && object.at(&["spec", "postBuild"]).is_some_and(|v| !v.is_null())
    });
    parsed
}

/// Returns likely objects in a document, or in elements, that kubectl refuses.
fn salvaged(root: Value<'_>, sent: &HashSet<NodeId>) -> Vec<Object> {
    let typed = |value: Value<'_>| {
        let (version, kind) = (value.str("apiVersion")?, value.str("kind")?);
        let new = !version.is_empty() && !kind.is_empty() && !sent.contains(&value.id());
        // A nested list is represented by its elements.
        let single = value.get("items").is_none_or(|items| items.kind() != Kind::Sequence);
        (new && single).then(|| Object::new(value, version, kind))
    };
    match root.get("items") {
        Some(items) if items.kind() == Kind::Sequence => items.items().filter_map(typed).collect(),
        _ => typed(root).into_iter().collect(),
    }
}

/// Whether it is a list without elements, which is valid and has no objects.
fn empty_list(root: Value<'_>) -> bool {
    root.str("kind").is_some() && root.get("items").is_some()
}

/// Assigns ignored text to the object that contains it. Text outside of all objects (after the
/// document's end, or in the enclosing list) is assigned to the last one.
fn attach(objects: &mut [Object], unseen: &[Unseen]) {
    let Some(last) = objects.len().checked_sub(1) else { return };
    let span = |index: &usize| objects[*index].value().span();
    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|index| span(index).start);
    let around = |at: u32| {
        let before = order.partition_point(|index| span(index).start <= at);
        let start = span(order[..before].last()?).start;
        // Through an alias, several objects may have the same location.
        let first = order[order.partition_point(|index| span(index).start < start)];
        span(&first).contains(&at).then_some(first)
    };
    let mut of: Vec<Vec<Unseen>> = vec![Vec::new(); objects.len()];
    for note in unseen {
        of[around(note.span.0).unwrap_or(last)].push(note.clone());
    }
    for (object, unseen) in objects.iter_mut().zip(of) {
        if !unseen.is_empty() {
            *object = object.clone().with_unseen(unseen);
        }
    }
}

/// Returns notes on text that the cluster ignores, by document. Empty if there are none.
fn unseen_by_doc(documents: &Documents) -> Vec<Vec<Unseen>> {
    let is_unseen = |kind| matches!(kind, YamlNote::DuplicateKey | YamlNote::DroppedText);
    let mut by_doc = Vec::new();
    for note in documents.notes.iter().filter(|note| is_unseen(note.kind)) {
        if let Some(index) = doc_at(&documents.docs, note.span.0) {
            by_doc.resize(documents.docs.len(), Vec::new());
            by_doc[index].push(Unseen { span: note.span, message: note.message.clone() });
        }
    }
    by_doc
}

fn doc_at(docs: &[Doc], byte: u32) -> Option<usize> {
    let index = docs.partition_point(|doc| doc.span().start <= byte).checked_sub(1)?;
    docs[index].span().contains(&byte).then_some(index)
}

/// Adds notes on documents that cannot be read, or that kubectl would not read.
fn notes(source: &Source, documents: &Documents, template: bool, all: &mut Parsed) {
    let unreadable = |kind| kind == YamlNote::Unreadable;
    if template && let Some(note) = documents.notes.iter().find(|note| unreadable(note.kind)) {
        let message = "this appears to be a template, which is not valid YAML until it is rendered";
        let remedy = "Render it and scan the result (`… | pavisade scan -`), or add it to \
                      .pavisadeignore.";
        all.notes.push(at(source, NoteKind::Unread, note.span, message.into(), remedy));
        return;
    }
    let text = source.text();
    let mut stopped = false;
    for note in &documents.notes {
        let (kind, remedy) = match note.kind {
            YamlNote::Unreadable => (NoteKind::Unread, "Fix the syntax here."),
            YamlNote::Limit => (NoteKind::Unread, "Split it."),
            YamlNote::Refused => (NoteKind::Warning, "Put the text on a separate line."),
            // In a document, it is reported with its objects.
            YamlNote::DroppedText if doc_at(&documents.docs, note.span.0).is_none() => {
                (NoteKind::Warning, "Start a new document with `---`.")
            }
            YamlNote::DroppedText | YamlNote::DuplicateKey => continue,
        };
        let mut message = note.message.clone();
        let follows = text.get(note.span.1 as usize..).is_some_and(|rest| rest.contains("\n---"));
        if !stopped && !matches!(note.kind, YamlNote::DroppedText | YamlNote::Limit) {
            stopped = true;
            if note.kind == YamlNote::Refused {
                message.push_str("; kubectl stops before it and applies nothing after it");
            } else if follows {
                message.push_str("; kubectl stops here and applies nothing after it");
            }
        }
        all.notes.push(at(source, kind, note.span, message, remedy));
    }
}

/// Returns the reason why a file that the user named has no objects.
fn not_an_object(source: &Source, documents: &Documents) -> Note {
    let message = if documents.docs.is_empty() {
        "this file is empty"
    } else if documents.docs.iter().any(|doc| empty_list(doc.root())) {
        "the list in this file is empty"
    } else {
        "no document in this file has `apiVersion` and `kind`"
    };
    let remedy = "Check the path, or the program that generated it.";
    plain_note(NoteKind::Unread, &source.shown(), message, remedy)
}

fn at(source: &Source, kind: NoteKind, span: (u32, u32), message: String, remedy: &str) -> Note {
    Note {
        kind,
        place: source.shown().into_owned(),
        span: Some((source.clone(), span.0, span.1)),
        message,
        remedy: remedy.into(),
    }
}

/// Whether the text contains actions of Go templates or Jinja.
fn looks_like_template(text: &str) -> bool {
    let holds = |mark: &str| memmem::find(text.as_bytes(), mark.as_bytes()).is_some();
    holds("{{") && holds("}}") || holds("{%") && holds("%}")
}

/// Whether a line has a type, so that an unreadable text is likely meant for a cluster.
fn has_type_line(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("apiVersion"))
        || text.trim_start().starts_with('{') && text.contains("\"apiVersion\"")
}

/// Whether the text contains a Flux variable: `${NAME}`, `${NAME:=default}`.
fn has_variable(text: &str) -> bool {
    memmem::find_iter(text.as_bytes(), b"${").any(|at| {
        let next = text.as_bytes().get(at + 2);
        next.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
    })
}
