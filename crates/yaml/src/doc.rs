//! Documents: source texts, nodes, and values as handles to nodes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::arena::{Form, KEY_IN_SIDE, NO_SIDE, Node, ROOT_PARENT, Side, Tag};
use crate::origin::Origin;
use crate::resolve::{self, Number, Resolved};

pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text that contains documents: a file, an archive member, standard input.
///
/// Cheap to clone. Line starts are computed when the first line number is requested.
#[derive(Clone)]
pub struct Source(Arc<SourceText>);

/// Identifies a text within this process, independent of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId(u64);

struct SourceText {
    id: SourceId,
    name: String,
    origin: Origin,
    text: String,
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    /// Creates a file with its name as shown to users. A missing final newline is added, as
    /// kubectl's line reader does.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::of(name, Origin::File, text)
    }

    /// Creates a text of another origin.
    pub fn of(name: impl Into<String>, origin: Origin, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        // Ids are only compared for equality: their order depends on which thread reads first.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = SourceId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self(Arc::new(SourceText { id, name: name.into(), origin, text, lines: OnceLock::new() }))
    }

    /// Returns the id. Clones have the same id.
    pub fn id(&self) -> SourceId {
        self.0.id
    }

    /// Returns the name shown to users, usually a path. For a rendered text, the name of the file
    /// or directory it was rendered from.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the origin.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Returns the name for display. For a rendered text, a suffix says so.
    pub fn shown(&self) -> Cow<'_, str> {
        match self.0.origin.mark() {
            "" => Cow::Borrowed(self.name()),
            mark => Cow::Owned(format!("{}{mark}", self.name())),
        }
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the line and column of a byte offset, both from 1. The column counts characters.
    pub fn line_column(&self, at: u32) -> (u32, u32) {
        let lines = self.line_starts();
        let line = lines.partition_point(|&start| start <= at).max(1);
        let start = lines[line - 1] as usize;
        let at = self.floor_char(at as usize);
        let column = self.text().get(start..at).map_or(0, |s| s.chars().count());
        (line as u32, column as u32 + 1)
    }

    /// Returns the line of a byte offset, from 1.
    pub fn line_at(&self, at: u32) -> u32 {
        self.line_starts().partition_point(|&start| start <= at).max(1) as u32
    }

    /// Returns the text of a line (from 1) without its line end, and the byte offset of its start.
    pub fn line(&self, line: u32) -> Option<(u32, &str)> {
        let lines = self.line_starts();
        let start = *lines.get(line.checked_sub(1)? as usize)?;
        let end = lines.get(line as usize).map_or(self.text().len(), |&next| next as usize);
        Some((start, self.text()[start as usize..end].trim_end_matches(['\r', '\n'])))
    }

    fn floor_char(&self, mut at: usize) -> usize {
        at = at.min(self.text().len());
        while !self.text().is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn line_starts(&self) -> &[u32] {
        self.0.lines.get_or_init(|| {
            let text = &self.0.text;
            // Editors do not show a byte-order mark.
            let first = if text.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
            let breaks = memchr::memchr_iter(b'\n', text.as_bytes());
            std::iter::once(first).chain(breaks.map(|at| at as u32 + 1)).collect()
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.shown(), self.text().len())
    }
}

/// A document: shared, immutable, 24 bytes per node, without copies of its text.
#[derive(Clone)]
pub struct Doc(Arc<DocInner>);

pub(crate) struct DocInner {
    pub source: Source,
    pub nodes: Box<[Node]>,
    pub side: Box<[Side]>,
    pub comments: Box<[(u32, u32)]>,
    pub span: (u32, u32),
    pub json: bool,
}

impl Doc {
    pub(crate) fn from_inner(inner: DocInner) -> Self {
        Self(Arc::new(inner))
    }

    /// Returns the text that contains this document.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// Returns the approximate memory use in bytes, without the text.
    pub fn memory(&self) -> usize {
        let Self(inner) = self;
        size_of::<DocInner>()
            + size_of_val(&*inner.nodes)
            + size_of_val(&*inner.side)
            + size_of_val(&*inner.comments)
    }

    /// Returns the byte range of the document in its source.
    pub fn span(&self) -> Range<u32> {
        self.0.span.0..self.0.span.1
    }

    /// Whether the text is JSON. If so, the span of each value is JSON too.
    pub fn is_json(&self) -> bool {
        self.0.json
    }

    /// Returns the root value.
    pub fn root(&self) -> Value<'_> {
        Value { doc: self, node: 0 }
    }

    /// Returns the value with this id. `None` if the id is out of range for this document.
    pub fn value(&self, id: NodeId) -> Option<Value<'_>> {
        ((id.0 as usize) < self.0.nodes.len()).then_some(Value { doc: self, node: id.0 })
    }

    /// Returns the spans of comments in order. Each span begins with `#`.
    pub fn comments(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.0.comments.iter().map(|&(start, end)| start..end)
    }

    /// Whether a mapping has a merge key (`<<`).
    pub(crate) fn merges(&self) -> bool {
        self.0.nodes.iter().any(|node| matches!(node.tag, Tag::Splice | Tag::SpliceList))
    }

    fn raw(&self, start: u32, end: u32) -> &str {
        self.0.source.text().get(start as usize..end as usize).unwrap_or("")
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doc({} {:?}, {} nodes)", self.source().shown(), self.0.span, self.0.nodes.len())
    }
}

/// The position of a value in a [`Doc`], without a borrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The root value.
    pub const ROOT: Self = Self(0);
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`, `~` or empty.
    Null,
    /// `true` or `false`, and YAML 1.1's other spellings.
    Bool,
    /// An integer or a float.
    Number,
    /// A string.
    Text,
    /// A list.
    Sequence,
    /// A mapping of keys to values.
    Mapping,
}

impl Kind {
    /// Returns the noun for error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Sequence => "a list",
            Self::Mapping => "a map",
        }
    }
}

/// A handle to a value in a document: two words, `Copy`.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    doc: &'d Doc,
    node: u32,
}

impl<'d> Value<'d> {
    fn data(self) -> &'d Node {
        &self.doc.0.nodes[self.node as usize]
    }

    /// Returns the document that contains it.
    pub fn doc(self) -> &'d Doc {
        self.doc
    }

    /// Returns its id, which can be kept without a borrow.
    pub fn id(self) -> NodeId {
        NodeId(self.node)
    }

    /// Returns the type of the value.
    pub fn kind(self) -> Kind {
        match self.data().tag {
            Tag::Null | Tag::Dead => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::Number => Kind::Number,
            Tag::Text => Kind::Text,
            Tag::Sequence => Kind::Sequence,
            Tag::Mapping | Tag::Splice | Tag::SpliceList => Kind::Mapping,
        }
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Returns the text of a string. `None` for other types, including numbers and booleans.
    pub fn as_str(self) -> Option<&'d str> {
        (self.data().tag == Tag::Text).then(|| self.raw_text())
    }

    /// Returns the value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.data().tag {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// Returns the value of a number.
    pub fn as_number(self) -> Option<Number> {
        if self.data().tag != Tag::Number {
            return None;
        }
        let text = self.raw_text();
        match self.data().form {
            Form::Json => crate::json::number(text),
            _ => match resolve::plain(text) {
                Resolved::Number(number) => Some(number),
                _ => None,
            },
        }
    }

    /// Returns the value of an integer.
    pub fn as_i64(self) -> Option<i64> {
        match self.as_number()? {
            Number::Int(i) => Some(i),
            Number::Float(_) => None,
        }
    }

    fn raw_text(self) -> &'d str {
        let node = self.data();
        if node.next != NO_SIDE {
            let side = &self.doc.0.side[node.next as usize];
            return side.text.get_or_init(|| {
                let raw = self.doc.raw(node.start, node.end);
                crate::decode::scalar(raw, node.form, side.indent).into()
            });
        }
        match node.form {
            Form::QuotedExact => self.doc.raw(node.start + 1, node.end - 1),
            _ => self.doc.raw(node.start, node.end),
        }
    }

    /// Returns a scalar as text: strings unchanged, numbers and booleans formatted.
    pub fn scalar_text(self) -> Option<Cow<'d, str>> {
        match self.kind() {
            Kind::Text => self.as_str().map(Cow::Borrowed),
            Kind::Number => self.as_number().map(|n| Cow::Owned(n.to_string())),
            Kind::Bool => self.as_bool().map(|b| Cow::Borrowed(if b { "true" } else { "false" })),
            _ => None,
        }
    }

    /// Returns the field `key` of a mapping. A null field is returned as null.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let inner = &*self.doc.0;
        let text = inner.source.text().as_bytes();
        self.children(Tag::Mapping).find(|value| {
            let node = &inner.nodes[value.node as usize];
            let (start, length) = (node.key as usize, usize::from(node.key_len));
            if node.key_len == KEY_IN_SIDE {
                return value.key() == Some(key);
            }
            // Most keys differ in length.
            length == key.len() && text.get(start..start + length) == Some(key.as_bytes())
        })
    }

    /// Returns the value at a path of fields.
    pub fn at(self, path: &[&str]) -> Option<Value<'d>> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// Returns the string in field `key`: [`Value::get`], then [`Value::as_str`].
    pub fn str(self, key: &str) -> Option<&'d str> {
        self.get(key)?.as_str()
    }

    /// Returns the boolean in field `key`: [`Value::get`], then [`Value::as_bool`].
    pub fn bool(self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// Returns the entries of a mapping in the order of the text. Empty for other types.
    pub fn entries(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        self.children(Tag::Mapping).map(|value| (value.key().unwrap_or(""), value))
    }

    /// Returns the elements of a list. Empty for other types.
    pub fn items(self) -> impl Iterator<Item = Value<'d>> {
        self.children(Tag::Sequence)
    }

    /// Returns the elements of the list in field `key`. Empty if there is none.
    pub fn list(self, key: &str) -> impl Iterator<Item = Value<'d>> {
        self.get(key).into_iter().flat_map(Value::items)
    }

    fn children(self, of: Tag) -> Children<'d> {
        let node = self.data();
        let end = if node.tag == of { node.next } else { 0 };
        Children { doc: self.doc, at: self.node + 1, end }
    }

    /// Returns the value and all its descendants in document order.
    pub fn descendants(self) -> impl Iterator<Item = Value<'d>> {
        let mut at = self.node;
        let end = if self.data().is_collection() { self.data().next } else { self.node + 1 };
        std::iter::from_fn(move || {
            while at < end {
                let value = Value { doc: self.doc, node: at };
                let node = value.data();
                match node.tag {
                    Tag::Dead => at = if node.is_collection() { node.next } else { at + 1 },
                    Tag::Splice | Tag::SpliceList => at += 1,
                    _ => {
                        at += 1;
                        return Some(value);
                    }
                }
            }
            None
        })
    }

    /// Returns the key of this value in its mapping.
    pub fn key(self) -> Option<&'d str> {
        let node = self.data();
        match node.key_len {
            KEY_IN_SIDE => self.doc.0.side[node.key as usize].text.get().map(|k| &**k),
            0 => None,
            length => Some(self.doc.raw(node.key, node.key + u32::from(length))),
        }
    }

    /// Returns the span of its key in the source, without quotes.
    pub fn key_span(self) -> Option<Range<u32>> {
        let node = self.data();
        match node.key_len {
            KEY_IN_SIDE => {
                let (start, end) = self.doc.0.side[node.key as usize].key_span;
                Some(start..end)
            }
            0 => None,
            length => Some(node.key..node.key + u32::from(length)),
        }
    }

    /// Returns the enclosing mapping or list.
    pub fn parent(self) -> Option<Value<'d>> {
        let mut at = self.data().parent;
        while at != ROOT_PARENT {
            let value = Value { doc: self.doc, node: at };
            if !matches!(value.data().tag, Tag::Splice | Tag::SpliceList) {
                return Some(value);
            }
            at = value.data().parent;
        }
        None
    }

    /// Returns the byte range in the source, including quotes. A value from an alias or a merge has
    /// the span of the anchored text.
    pub fn span(self) -> Range<u32> {
        self.data().start..self.data().end
    }
}

struct Children<'d> {
    doc: &'d Doc,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        while self.at < self.end {
            let at = self.at;
            let node = &self.doc.0.nodes[at as usize];
            self.at = if node.is_collection() { node.next } else { at + 1 };
            match node.tag {
                Tag::Dead => {}
                Tag::Splice | Tag::SpliceList => self.at = at + 1,
                _ => return Some(Value { doc: self.doc, node: at }),
            }
        }
        None
    }
}
