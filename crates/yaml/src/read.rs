//! Reads a text into documents: cut as kubectl cuts a stream, each document parsed separately.

use memchr::memmem;

use crate::arena::{Builder, MAX_NODES};
use crate::chars;
use crate::doc::{BYTE_ORDER_MARK, Doc, DocInner, Source};
use crate::scan::SyntaxError;
use crate::{json, parse};

/// A message about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The byte range in the source.
    pub span: (u32, u32),
    /// The kind of message.
    pub kind: NoteKind,
    /// The message, without the location.
    pub message: String,
}

/// The kind of a [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// The document could not be read. kubectl refuses it and everything after it.
    Unreadable,
    /// It was read, but kubectl refuses the stream at this point.
    Refused,
    /// A key whose value is dropped because the same key occurs again later.
    DuplicateKey,
    /// Text after the end of a document, which kubectl drops silently.
    DroppedText,
    /// The text was not read beyond this point because a limit was reached.
    Limit,
}

/// The documents of a text.
#[derive(Debug, Default)]
pub struct Documents {
    /// All documents that could be read, without empty ones.
    pub docs: Vec<Doc>,
    /// Messages, in order.
    pub notes: Vec<Note>,
    /// The number of `docs` that kubectl would read before it stops.
    pub sent: usize,
}

/// A part of a text, as returned by [`cut`].
#[derive(Debug)]
pub enum Piece {
    /// YAML between two cuts: start and end byte.
    Yaml(u32, u32),
    /// A JSON document, already parsed because its end is not known otherwise.
    Json(Doc),
    /// kubectl stops before this byte. If `true`, it also loses the piece before.
    Stop(SyntaxError, bool),
    /// The text is not read beyond this byte, and the reason.
    Rest(u32, &'static str),
}

/// Maximum number of documents read from a text.
const MAX_DOCUMENTS: usize = 500_000;
const TOO_MANY_DOCUMENTS: &str = "more than 500,000 documents; the rest was not read";
const TOO_MUCH_JSON: &str = "more than 16 million values; the rest was not read";

/// Reads all documents of a text.
pub fn read(source: &Source) -> Documents {
    join(cut(source).iter().map(|piece| read_piece(source, piece)))
}

/// The result for one piece, for [`join`].
#[derive(Debug)]
pub struct Read {
    doc: Option<Doc>,
    notes: Vec<Note>,
    stops: Option<bool>,
}

impl Read {
    /// Returns the document, if any.
    pub fn doc(&self) -> Option<&Doc> {
        self.doc.as_ref()
    }
}

impl Piece {
    /// Returns the start offset.
    pub fn start(&self) -> u32 {
        match self {
            Self::Yaml(from, _) | Self::Rest(from, _) => *from,
            Self::Json(doc) => doc.span().start,
            Self::Stop(error, _) => error.at,
        }
    }

    /// Returns the length in bytes.
    pub fn length(&self) -> usize {
        match self {
            Self::Yaml(from, to) => (to - from) as usize,
            Self::Json(doc) => doc.span().len(),
            Self::Stop(..) | Self::Rest(..) => 0,
        }
    }
}

/// Combines the results of [`read_piece`], in the order of the pieces.
pub fn join(reads: impl Iterator<Item = Read>) -> Documents {
    let mut documents = Documents::default();
    let (mut stopped, mut before_last) = (false, 0);
    for read in reads {
        if let Some(loses_previous) = read.stops
            && !stopped
        {
            stopped = true;
            if loses_previous {
                documents.sent = before_last;
            }
        }
        before_last = documents.docs.len();
        documents.notes.extend(read.notes);
        documents.docs.extend(read.doc);
        if !stopped {
            documents.sent = documents.docs.len();
        }
    }
    documents
}

/// Cuts a text into pieces that can be read independently or in parallel.
///
/// The rule is that of kubectl's `YAMLOrJSONDecoder` (k8s.io/apimachinery/pkg/util/yaml): a
/// sequence of JSON values if the text begins with `{`, otherwise YAML cut at lines that begin with
/// `---`, before any YAML is parsed.
pub fn cut(source: &Source) -> Vec<Piece> {
    let text = source.text();
    let mut pieces = Vec::new();
    // kubectl removes one byte-order mark first.
    let mut at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let (mut rest, mut nodes) = (at, 0);
    if starts_like_json(&text[at..]) {
        loop {
            let start = skip_blanks(text, at);
            if start >= text.len() {
                return pieces;
            }
            let reason = match pieces.len() {
                MAX_DOCUMENTS => Some(TOO_MANY_DOCUMENTS),
                _ => (nodes > MAX_NODES).then_some(TOO_MUCH_JSON),
            };
            if let Some(reason) = reason {
                pieces.push(Piece::Rest(start as u32, reason));
                return pieces;
            }
            match json::parse(text, start) {
                Ok(json::Parsed { builder, end, out_of_range }) => {
                    nodes += builder.nodes.len();
                    pieces.push(match out_of_range {
                        None => Piece::Json(json_doc(source, builder, start, end)),
                        Some(at) => Piece::Stop(SyntaxError::new(at, "number out of range"), false),
                    });
                    at = end;
                }
                Err(error) => {
                    rest = after_blanks(text, at);
                    // kubectl does not detect blanks in the last three bytes of a text.
                    let lost = pieces.len() == 1 && text.len() < rest + 4;
                    if pieces.len() > 1 || lost {
                        pieces.push(Piece::Stop(error, false));
                    }
                    break;
                }
            }
        }
        // The rest is YAML, from the next line if only blanks precede it.
        rest += usize::from(text[rest..].starts_with('\n'));
    }
    cut_yaml(text, rest, &mut pieces);
    pieces
}

/// Returns the offset of the first line end or non-blank character from `at` on, or the end.
fn after_blanks(text: &str, at: usize) -> usize {
    text[at..].find(|c: char| c == '\n' || !c.is_whitespace()).map_or(text.len(), |i| at + i)
}

fn cut_yaml(text: &str, from: usize, pieces: &mut Vec<Piece>) {
    let bytes = text.as_bytes();
    let mut start = from;
    let first = bytes[from..].starts_with(b"---").then_some(from);
    let others = memmem::find_iter(&bytes[from..], b"\n---").map(|at| from + at + 1);
    for line in first.into_iter().chain(others) {
        if pieces.len() >= MAX_DOCUMENTS {
            pieces.push(Piece::Rest(start as u32, TOO_MANY_DOCUMENTS));
            return;
        }
        let end = memchr::memchr(b'\n', &bytes[line..]).map_or(bytes.len(), |i| line + i + 1);
        let rest = text[line + 3..end].trim();
        let refused = !rest.is_empty() && !rest.starts_with('#');
        if start < line {
            pieces.push(Piece::Yaml(start as u32, line as u32));
        }
        // A separator with nothing before it stays at the start of its document.
        start = if refused || start == line { line } else { end };
        if refused {
            let lost = pieces
                .last()
                .is_some_and(|p| matches!(p, Piece::Yaml(_, end) if *end as usize == line));
            let error = SyntaxError::new(line, "text after a document separator");
            pieces.push(Piece::Stop(error, lost));
        }
    }
    if start < bytes.len() {
        pieces.push(Piece::Yaml(start as u32, bytes.len() as u32));
    }
}

/// Reads one piece of `source`.
pub fn read_piece(source: &Source, piece: &Piece) -> Read {
    match piece {
        Piece::Json(doc) => Read { doc: Some(doc.clone()), notes: Vec::new(), stops: None },
        Piece::Stop(error, loses_previous) => Read {
            doc: None,
            notes: vec![faulty(NoteKind::Refused, source.text(), error, 3)],
            stops: Some(*loses_previous),
        },
        &Piece::Rest(at, why) => {
            Read { doc: None, notes: vec![note(NoteKind::Limit, at, at + 1, why)], stops: None }
        }
        &Piece::Yaml(start, end) => read_yaml(source, start as usize, end as usize),
    }
}

fn note(kind: NoteKind, start: u32, end: u32, message: &str) -> Note {
    Note { span: (start, end), kind, message: message.to_owned() }
}

/// Returns a note for `bytes` bytes from an error on. An error at the end of the text is placed at
/// the last byte.
fn faulty(kind: NoteKind, text: &str, error: &SyntaxError, bytes: u32) -> Note {
    let end = text.len() as u32;
    let at = error.at.min(end.saturating_sub(1));
    note(kind, at, (at + bytes).min(end), &error.message)
}

fn read_yaml(source: &Source, start: usize, end: usize) -> Read {
    let text = source.text();
    let parsed = match chars::forbidden(&text.as_bytes()[start..end]) {
        Some(at) => Err(SyntaxError::new(start + at, "control characters are not allowed")),
        None => parse::parse(text, start, end),
    };
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let note = faulty(NoteKind::Unreadable, text, &error, 1);
            return Read { doc: None, notes: vec![note], stops: Some(false) };
        }
    };
    let mut notes: Vec<_> = parsed
        .duplicates
        .iter()
        .map(|&(from, to)| {
            let key = text.get(from as usize..to as usize).unwrap_or("");
            let message =
                format!("the key `{key}` is defined again below; only the last one applies");
            note(NoteKind::DuplicateKey, from, to, &message)
        })
        .collect();
    notes.extend(dropped(text, parsed.end as usize, end));
    if parsed.empty {
        return Read { doc: None, notes, stops: None };
    }
    // Comments after the end of the value belong to text that is not read.
    let comments = parsed.comments.into_iter().filter(|c| c.0 < parsed.end).collect();
    let doc = Doc::from_inner(DocInner {
        source: source.clone(),
        nodes: parsed.builder.nodes.into_boxed_slice(),
        side: parsed.builder.side.into_boxed_slice(),
        comments,
        span: (start as u32, end as u32),
        json: false,
    });
    // `null` and `~` alone are skipped like an empty document.
    let doc = (!doc.root().is_null()).then_some(doc);
    Read { doc, notes, stops: None }
}

/// Returns a note for text after a document's value in the same piece, which kubectl ignores.
fn dropped(text: &str, from: usize, end: usize) -> Option<Note> {
    let mut line_start = from;
    let rest = text.get(from..end)?;
    for line in rest.split_inclusive('\n') {
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') && content != "..." && content != "---"
        {
            let message = "this text is after the end of the document; kubectl silently ignores it";
            let start = line_start + (line.len() - line.trim_start().len());
            return Some(note(
                NoteKind::DroppedText,
                start as u32,
                (start + content.len()) as u32,
                message,
            ));
        }
        line_start += line.len();
    }
    None
}

fn json_doc(source: &Source, builder: Builder, start: usize, end: usize) -> Doc {
    Doc::from_inner(DocInner {
        source: source.clone(),
        nodes: builder.nodes.into_boxed_slice(),
        side: builder.side.into_boxed_slice(),
        comments: Box::default(),
        span: (start as u32, end as u32),
        json: true,
    })
}

/// kubectl looks for a brace within the first 4,096 bytes.
fn starts_like_json(text: &str) -> bool {
    let at = text.len() - text.trim_start().len();
    at < 4096 && text.as_bytes().get(at) == Some(&b'{')
}

fn skip_blanks(text: &str, at: usize) -> usize {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    at + text.as_bytes()[at..].iter().take_while(|b| blank(b)).count()
}
