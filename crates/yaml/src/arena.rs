//! The node arena that represents a document, and the builder that both readers use.

use std::sync::OnceLock;

/// How a scalar's text is derived from its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The span is the text.
    Exact,
    /// The span without one quote on each side is the text.
    QuotedExact,
    /// A plain scalar over several lines.
    Folded,
    Single,
    Double,
    Literal,
    BlockFolded,
    /// A JSON string with escapes.
    Json,
    /// The text is in the side table from the start.
    Side,
}

/// The type of a node. `Dead` and `Splice` are internal to the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    False,
    True,
    Number,
    Text,
    Sequence,
    Mapping,
    /// Overridden by a later equal key.
    Dead,
    /// The value of a merge key. Its children belong to the enclosing mapping.
    Splice,
    /// The list of maps of a merge key.
    SpliceList,
}

pub(crate) const KEY_IN_SIDE: u16 = u16::MAX;

/// A node of 24 bytes. Nodes are in document order. Children of a mapping carry their keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub tag: Tag,
    pub form: Form,
    /// The length of the key in the text, in bytes, or `KEY_IN_SIDE`.
    pub key_len: u16,
    /// The offset of the key in the text, or its index in the side table.
    pub key: u32,
    pub start: u32,
    pub end: u32,
    pub parent: u32,
    /// Collections: the index of the node after the last descendant. Scalars: the index in the side
    /// table, or `NO_SIDE`.
    pub next: u32,
}

pub(crate) const NO_SIDE: u32 = u32::MAX;
pub(crate) const ROOT_PARENT: u32 = u32::MAX;

impl Node {
    pub(crate) fn is_collection(&self) -> bool {
        matches!(self.tag, Tag::Sequence | Tag::Mapping | Tag::Splice | Tag::SpliceList)
            || self.tag == Tag::Dead && self.form == Form::Side
    }
}

/// A text that is not a slice of the source: a scalar decoded on first use, or a key.
pub(crate) struct Side {
    pub text: OnceLock<Box<str>>,
    /// Content indentation of a block scalar.
    pub indent: u32,
    /// The span of the key in the source.
    pub key_span: (u32, u32),
}

/// A key before it is attached to its value.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Slice { start: u32, len: u16 },
    Owned { text: String, span: (u32, u32) },
}

/// Average bytes of text per node in documents with many nodes.
const BYTES_PER_NODE: usize = 24;

/// Maximum number of nodes in a document, which take 384 MiB. A text of lists has a node for every
/// two bytes.
pub(crate) const MAX_NODES: usize = 16 << 20;
pub(crate) const TOO_MANY_NODES: &str = "more than 16 million values in one document";

/// Collects nodes for both readers.
pub(crate) struct Builder {
    pub nodes: Vec<Node>,
    pub side: Vec<Side>,
}

impl Builder {
    /// Creates a builder for a document of that many `bytes`. Most documents fit in the initial
    /// capacity.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { nodes: Vec::with_capacity(bytes / BYTES_PER_NODE + 1), side: Vec::new() }
    }

    pub(crate) fn slice_key(text_start: usize, length: usize, text: &str) -> Key {
        match u16::try_from(length) {
            Ok(len) if len != KEY_IN_SIDE && len != 0 => {
                Key::Slice { start: text_start as u32, len }
            }
            _ => Key::Owned {
                text: text.to_owned(),
                span: (text_start as u32, (text_start + length) as u32),
            },
        }
    }

    pub(crate) fn push(
        &mut self,
        (tag, form): (Tag, Form),
        key: Option<&Key>,
        span: (u32, u32),
        parent: u32,
    ) -> u32 {
        let (key, key_len) = match key {
            None => (0, 0),
            Some(Key::Slice { start, len }) => (*start, *len),
            Some(Key::Owned { text, span }) => (self.push_side(text, *span), KEY_IN_SIDE),
        };
        let index = self.nodes.len() as u32;
        self.nodes.push(Node {
            tag,
            form,
            key_len,
            key,
            start: span.0,
            end: span.1,
            parent,
            next: NO_SIDE,
        });
        index
    }

    fn push_side(&mut self, text: &str, key_span: (u32, u32)) -> u32 {
        self.side.push(Side { text: OnceLock::from(Box::from(text)), indent: 0, key_span });
        self.side.len() as u32 - 1
    }

    /// Marks a scalar to be decoded on first use.
    pub(crate) fn decode_late(&mut self, node: u32, indent: u32) {
        self.side.push(Side { text: OnceLock::new(), indent, key_span: (0, 0) });
        self.nodes[node as usize].next = self.side.len() as u32 - 1;
    }

    /// Sets a scalar's text, regardless of its span.
    pub(crate) fn set_text(&mut self, node: u32, text: &str) {
        let side = self.push_side(text, (0, 0));
        self.nodes[node as usize].next = side;
    }

    pub(crate) fn close(&mut self, node: u32, end: u32) {
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[node as usize];
        node.next = next;
        node.end = end.max(node.start);
    }

    /// Appends the children of a collection without merge keys.
    pub(crate) fn children(&self, node: u32, children: &mut Vec<u32>) {
        let (mut at, end) = (node + 1, self.nodes[node as usize].next);
        while at < end {
            let child = &self.nodes[at as usize];
            if child.tag != Tag::Dead {
                children.push(at);
            }
            at = if child.is_collection() { child.next } else { at + 1 };
        }
    }

    pub(crate) fn key_of<'a>(&'a self, node: u32, text: &'a str) -> &'a str {
        let node = &self.nodes[node as usize];
        match node.key_len {
            KEY_IN_SIDE => self.side[node.key as usize].text.get().map_or("", |k| &**k),
            length => &text[node.key as usize..node.key as usize + usize::from(length)],
        }
    }

    /// Copies the subtree at `from` to the end, with a different key and parent.
    pub(crate) fn copy(&mut self, from: u32, key: Option<&Key>, parent: u32) -> u32 {
        let source = self.nodes[from as usize];
        let to = self.push((source.tag, source.form), key, (source.start, source.end), parent);
        self.nodes[to as usize].next = source.next;
        if source.is_collection() {
            let shift = to.wrapping_sub(from);
            self.nodes[to as usize].next = source.next.wrapping_add(shift);
            for at in from + 1..source.next {
                let mut node = self.nodes[at as usize];
                node.parent = node.parent.wrapping_add(shift);
                if node.is_collection() {
                    node.next = node.next.wrapping_add(shift);
                }
                self.nodes.push(node);
            }
        }
        to
    }

    /// Keeps only the last of equal keys, as kubectl does. Returns the nodes that were removed.
    ///
    /// `children` holds the mapping's children in the order in which they are applied.
    pub(crate) fn bury_duplicates(&mut self, text: &str, children: &mut [u32]) -> Vec<u32> {
        let mut lost = Vec::new();
        if children.len() <= 12 {
            for (i, &first) in children.iter().enumerate() {
                let later = &children[i + 1..];
                if later.iter().any(|&n| self.same_key(first, n, text)) {
                    lost.push(first);
                }
            }
        } else {
            children.sort_by(|&a, &b| self.key_of(a, text).cmp(self.key_of(b, text)));
            let equal = children.windows(2).filter(|w| self.same_key(w[0], w[1], text));
            lost.extend(equal.map(|w| w[0]));
        }
        for &node in &lost {
            let node = &mut self.nodes[node as usize];
            // For a dead node, the form records whether it has descendants to skip.
            node.form = if node.is_collection() { Form::Side } else { Form::Exact };
            node.tag = Tag::Dead;
        }
        lost
    }

    fn same_key(&self, a: u32, b: u32, text: &str) -> bool {
        let (x, y) = (&self.nodes[a as usize], &self.nodes[b as usize]);
        if x.key_len != KEY_IN_SIDE && y.key_len != KEY_IN_SIDE && x.key_len != y.key_len {
            return false;
        }
        self.key_of(a, text) == self.key_of(b, text)
    }
}
