//! Tokens to the arena: libyaml's grammar, go-yaml's aliases, merges and limits.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::arena::{Builder, Form, Key, NO_SIDE, Node, ROOT_PARENT, Tag};
use crate::resolve::{self, Resolved};
use crate::scan::{Kind, Scanner, SyntaxError, Token};

type Parse<T> = Result<T, SyntaxError>;

/// What one document's text gave.
pub(crate) struct Parsed {
    pub builder: Builder,
    pub comments: Vec<(u32, u32)>,
    /// Spans of keys that a later equal key overrides.
    pub duplicates: Vec<(u32, u32)>,
    /// Where the document's value ended; what follows is not read.
    pub end: u32,
    /// No value at all: blanks and comments only.
    pub empty: bool,
}

/// Reads one document, `text[start..end]`.
pub(crate) fn parse(text: &str, start: usize, end: usize) -> Parse<Parsed> {
    let mut parser = Parser {
        text,
        scanner: Scanner::new(text, start, end),
        builder: Builder::new(),
        states: Vec::new(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        buried: HashMap::new(),
        duplicates: Vec::new(),
        decoded: 1,
        aliased: 0,
        max_aliased: FREE_ALIASED + ALIASED_PER_BYTE * (end - start) as u64,
    };
    let empty = !parser.document()?;
    let end = parser.scanner.peek()?.start;
    let Parser { scanner, builder, duplicates, .. } = parser;
    Ok(Parsed { builder, comments: scanner.comments, duplicates, end, empty })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BlockNode,
    BlockNodeOrIndentless,
    FlowNode,
    BlockSequenceEntry,
    IndentlessEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceEntry { first: bool },
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingKey { first: bool },
    FlowMappingValue,
    FlowMappingEmptyValue,
}

/// A collection that is still open.
struct Frame {
    node: u32,
    mapping: bool,
    key: Option<PendingKey>,
    /// A merge key was seen, so the children's order is not the order of application.
    merges: bool,
}

enum PendingKey {
    Plain(Key),
    Merge,
}

/// A scalar before it is a node or a key.
#[derive(Clone, Copy)]
struct Scalar {
    tag: Tag,
    form: Form,
    start: u32,
    end: u32,
    indent: u32,
    /// `.nan` or `.inf`: a key, but no value.
    not_finite: bool,
    /// `!!binary`: the text is base64 of what is meant.
    binary: bool,
    /// `<<`, plain or tagged as a merge key.
    merge: bool,
}

#[derive(Clone, Copy)]
enum Anchor {
    Node(u32),
    Key(Scalar),
}

struct Parser<'t> {
    text: &'t str,
    scanner: Scanner<'t>,
    builder: Builder,
    states: Vec<State>,
    frames: Vec<Frame>,
    anchors: HashMap<&'t str, Anchor>,
    /// Nodes that lost to an equal key, as they were, with the mapping in which they did: an
    /// alias still means them.
    buried: HashMap<u32, (Node, u32)>,
    duplicates: Vec<(u32, u32)>,
    decoded: u64,
    aliased: u64,
    max_aliased: u64,
}

impl<'t> Parser<'t> {
    /// Reads the first document of the text; false when there is none.
    fn document(&mut self) -> Parse<bool> {
        match self.scanner.peek()?.kind {
            Kind::StreamEnd => return Ok(false),
            Kind::Directive => {
                let message = "a directive needs a document start, which kubectl cuts away";
                return Err(error(self.scanner.peek()?.start, message));
            }
            Kind::DocumentStart => {
                self.scanner.skip();
                let token = self.scanner.peek()?;
                if matches!(token.kind, Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd) {
                    return Ok(false);
                }
            }
            _ => {}
        }
        self.states.push(State::BlockNode);
        while let Some(state) = self.states.pop() {
            self.step(state)?;
        }
        Ok(true)
    }

    fn step(&mut self, state: State) -> Parse<()> {
        let token = self.scanner.peek()?;
        let at = token.start;
        match state {
            State::BlockNode => self.node(true, false),
            State::BlockNodeOrIndentless => self.node(true, true),
            State::FlowNode => self.node(false, false),
            State::BlockSequenceEntry => match token.kind {
                Kind::BlockEntry => {
                    self.scanner.skip();
                    self.states.push(State::BlockSequenceEntry);
                    let next = self.scanner.peek()?.kind;
                    self.node_unless(
                        matches!(next, Kind::BlockEntry | Kind::BlockEnd),
                        State::BlockNode,
                        token.end,
                    )
                }
                Kind::BlockEnd => self.close_with(token, None),
                _ => Err(error(at, "did not find expected '-' indicator")),
            },
            State::IndentlessEntry => match token.kind {
                Kind::BlockEntry => {
                    self.scanner.skip();
                    self.states.push(State::IndentlessEntry);
                    let next = self.scanner.peek()?.kind;
                    self.node_unless(
                        matches!(next, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd),
                        State::BlockNode,
                        token.end,
                    )
                }
                _ => self.close(None),
            },
            State::BlockMappingKey => match token.kind {
                Kind::Key => {
                    self.scanner.skip();
                    self.states.push(State::BlockMappingValue);
                    let next = self.scanner.peek()?.kind;
                    self.node_unless(
                        matches!(next, Kind::Key | Kind::Value | Kind::BlockEnd),
                        State::BlockNodeOrIndentless,
                        token.end,
                    )
                }
                Kind::BlockEnd => self.close_with(token, None),
                _ => Err(error(at, "did not find expected key")),
            },
            State::BlockMappingValue => {
                self.states.push(State::BlockMappingKey);
                if token.kind != Kind::Value {
                    return self.empty_scalar(at);
                }
                self.scanner.skip();
                let next = self.scanner.peek()?.kind;
                self.node_unless(
                    matches!(next, Kind::Key | Kind::Value | Kind::BlockEnd),
                    State::BlockNodeOrIndentless,
                    token.end,
                )
            }
            State::FlowSequenceEntry { first } => {
                let Some(token) =
                    self.flow_entry(token, first, Kind::FlowSequenceEnd, "',' or ']'")?
                else {
                    return Ok(());
                };
                if token.kind == Kind::Key {
                    self.scanner.skip();
                    self.open(Tag::Mapping, token.start, None)?;
                    self.states.push(State::FlowPairKey);
                    return Ok(());
                }
                self.states.push(State::FlowSequenceEntry { first: false });
                self.node(false, false)
            }
            State::FlowPairKey => {
                self.states.push(State::FlowPairValue);
                match token.kind {
                    Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                        // libyaml takes the token here, value mark and all.
                        self.scanner.skip();
                        self.empty_scalar(token.end)
                    }
                    _ => self.node(false, false),
                }
            }
            State::FlowPairValue => {
                self.states.push(State::FlowPairEnd);
                self.flow_value(token, Kind::FlowSequenceEnd)
            }
            State::FlowPairEnd => {
                self.states.push(State::FlowSequenceEntry { first: false });
                self.close(Some(token.start))
            }
            State::FlowMappingKey { first } => {
                let Some(token) =
                    self.flow_entry(token, first, Kind::FlowMappingEnd, "',' or '}'")?
                else {
                    return Ok(());
                };
                if token.kind != Kind::Key {
                    self.states.push(State::FlowMappingEmptyValue);
                    return self.node(false, false);
                }
                self.scanner.skip();
                self.states.push(State::FlowMappingValue);
                let next = self.scanner.peek()?;
                self.node_unless(
                    matches!(next.kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd),
                    State::FlowNode,
                    next.start,
                )
            }
            State::FlowMappingValue => {
                self.states.push(State::FlowMappingKey { first: false });
                self.flow_value(token, Kind::FlowMappingEnd)
            }
            State::FlowMappingEmptyValue => {
                self.states.push(State::FlowMappingKey { first: false });
                self.empty_scalar(at)
            }
        }
    }

    /// Steps over `,` and closes the collection at its end; the token that begins an entry.
    fn flow_entry(
        &mut self,
        mut token: Token,
        first: bool,
        end: Kind,
        expected: &str,
    ) -> Parse<Option<Token>> {
        if token.kind != end && !first {
            if token.kind != Kind::FlowEntry {
                return Err(error(token.start, &format!("did not find expected {expected}")));
            }
            self.scanner.skip();
            token = self.scanner.peek()?;
        }
        if token.kind == end {
            self.close_with(token, Some(token.end))?;
            return Ok(None);
        }
        Ok(Some(token))
    }

    fn flow_value(&mut self, token: Token, end: Kind) -> Parse<()> {
        if token.kind != Kind::Value {
            return self.empty_scalar(token.start);
        }
        self.scanner.skip();
        let next = self.scanner.peek()?;
        let empty = next.kind == Kind::FlowEntry || next.kind == end;
        self.node_unless(empty, State::FlowNode, next.start)
    }

    fn node_unless(&mut self, empty: bool, node: State, at: u32) -> Parse<()> {
        if empty { self.empty_scalar(at) } else { self.step(node) }
    }

    fn empty_scalar(&mut self, at: u32) -> Parse<()> {
        let scalar = Scalar {
            tag: Tag::Null,
            form: Form::Exact,
            start: at,
            end: at,
            indent: 0,
            not_finite: false,
            binary: false,
            merge: false,
        };
        self.scalar(scalar, None)
    }

    fn node(&mut self, block: bool, indentless: bool) -> Parse<()> {
        let mut token = self.scanner.peek()?;
        if token.kind == Kind::Alias {
            self.scanner.skip();
            return self.alias(token);
        }
        let (mut anchor, mut tag) = (None, None);
        for _ in 0..2 {
            match token.kind {
                Kind::Anchor if anchor.is_none() => anchor = Some(token),
                Kind::Tag if tag.is_none() => tag = Some(token),
                _ => break,
            }
            self.scanner.skip();
            token = self.scanner.peek()?;
        }
        let name = anchor.map(|a| &self.text[a.start as usize + 1..a.end as usize]);
        let tag = tag.map(|t| self.tag(t)).transpose()?;
        match token.kind {
            Kind::BlockEntry if indentless => {
                self.states.push(State::IndentlessEntry);
                self.open(Tag::Sequence, token.start, name)
            }
            Kind::Scalar(form) => {
                self.scanner.skip();
                let scalar = self.resolve(token, form, tag.as_deref())?;
                self.scalar(scalar, name)
            }
            Kind::FlowSequenceStart => {
                self.scanner.skip();
                self.states.push(State::FlowSequenceEntry { first: true });
                self.open(Tag::Sequence, token.start, name)
            }
            Kind::FlowMappingStart => {
                self.scanner.skip();
                self.states.push(State::FlowMappingKey { first: true });
                self.open(Tag::Mapping, token.start, name)
            }
            Kind::BlockSequenceStart if block => {
                self.scanner.skip();
                self.states.push(State::BlockSequenceEntry);
                self.open(Tag::Sequence, token.start, name)
            }
            Kind::BlockMappingStart if block => {
                self.scanner.skip();
                self.states.push(State::BlockMappingKey);
                self.open(Tag::Mapping, token.start, name)
            }
            _ if name.is_some() || tag.is_some() => {
                let empty = Token { end: token.start, ..token };
                let scalar = self.resolve(empty, Form::Exact, tag.as_deref())?;
                self.scalar(scalar, name)
            }
            _ => Err(error(token.start, "did not find expected node content")),
        }
    }

    /// The full name of a tag token.
    fn tag(&self, token: Token) -> Parse<String> {
        let raw = &self.text[token.start as usize..token.end as usize];
        if let Some(verbatim) = raw.strip_prefix("!<") {
            return Ok(unescape_uri(verbatim.trim_end_matches('>')));
        }
        if let Some(suffix) = raw.strip_prefix("!!") {
            return Ok(format!("tag:yaml.org,2002:{}", unescape_uri(suffix)));
        }
        // A handle needs a `%TAG` directive, which kubectl's cut makes impossible.
        let word =
            raw[1..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
        if word.starts_with('!') {
            return Err(error(token.start, "found undefined tag handle"));
        }
        Ok(unescape_uri(raw))
    }

    fn resolve(&self, token: Token, form: Form, tag: Option<&str>) -> Parse<Scalar> {
        let Token { start, end, indent, .. } = token;
        let short = tag.map(|t| t.strip_prefix("tag:yaml.org,2002:").unwrap_or(t));
        let mut scalar = Scalar {
            tag: Tag::Text,
            form,
            start,
            end,
            indent,
            not_finite: false,
            binary: short == Some("binary"),
            merge: false,
        };
        let raw = &self.text[start as usize..end as usize];
        let may_merge = match short {
            None => form == Form::Exact,
            Some(tag) => matches!(tag, "!" | "merge"),
        };
        scalar.merge = may_merge && crate::decode::scalar_is(raw, form, "<<");
        let wanted = match short {
            None if form == Form::Exact => "",
            None => return Ok(scalar),
            Some(t @ ("bool" | "int" | "float" | "null" | "timestamp")) => t,
            Some(_) => return Ok(scalar),
        };
        let decoded;
        let text = match form {
            Form::Exact => raw,
            _ => {
                decoded = crate::decode::scalar(raw, form, indent);
                &decoded
            }
        };
        let resolved = resolve::plain(text);
        let fits = match (wanted, resolved) {
            ("", _)
            | ("null", Resolved::Null)
            | ("bool", Resolved::Bool(_))
            | ("float", Resolved::Number(_) | Resolved::NotFinite(_)) => true,
            ("int", Resolved::Number(_)) => resolve::is_integer(text),
            ("timestamp", Resolved::Text) => resolve::is_timestamp(text),
            _ => false,
        };
        if !fits {
            return Err(error(start, &format!("cannot decode `{text}` as a !!{wanted}")));
        }
        scalar.tag = match resolved {
            Resolved::Null => Tag::Null,
            Resolved::Bool(true) => Tag::True,
            Resolved::Bool(false) => Tag::False,
            Resolved::Number(_) => Tag::Number,
            Resolved::NotFinite(_) => {
                scalar.not_finite = true;
                Tag::Number
            }
            Resolved::Text => Tag::Text,
        };
        Ok(scalar)
    }

    /// Whether the next node is a mapping's key.
    fn at_key(&self) -> bool {
        self.frames.last().is_some_and(|f| f.mapping && f.key.is_none())
    }

    fn count(&mut self, nodes: u64, aliased: bool, at: u32) -> Parse<()> {
        self.decoded += nodes;
        if aliased {
            self.aliased += nodes;
        }
        let share = self.aliased as f64 / self.decoded as f64;
        let beyond_share =
            self.aliased > 100 && self.decoded > 1000 && share > allowed_alias_share(self.decoded);
        if beyond_share || self.aliased > self.max_aliased {
            return Err(error(at, "document contains excessive aliasing"));
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar, anchor: Option<&'t str>) -> Parse<()> {
        self.count(1, false, scalar.start)?;
        if self.at_key() {
            if let Some(name) = anchor {
                self.anchors.insert(name, Anchor::Key(scalar));
            }
            return self.key(scalar);
        }
        let node = self.push_scalar(scalar)?;
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchor::Node(node));
        }
        Ok(())
    }

    fn key(&mut self, scalar: Scalar) -> Parse<()> {
        let (start, end) = (scalar.start as usize, scalar.end as usize);
        let raw = &self.text[start..end];
        if scalar.merge {
            if let Some(frame) = self.frames.last_mut() {
                frame.key = Some(PendingKey::Merge);
            }
            return Ok(());
        }
        let key = match (scalar.tag, scalar.form) {
            (Tag::Text, Form::Exact) if !scalar.binary => {
                Builder::slice_key(start, end - start, raw)
            }
            (Tag::Text, Form::QuotedExact) if !scalar.binary => {
                Builder::slice_key(start + 1, end - start - 2, &raw[1..raw.len() - 1])
            }
            (Tag::Text, _) if scalar.binary => {
                Key::Owned { text: self.binary(scalar)?, span: (scalar.start, scalar.end) }
            }
            (tag, form) => {
                let text = crate::decode::scalar(raw, form, scalar.indent);
                let resolved =
                    if tag == Tag::Text { Resolved::Text } else { resolve::plain(&text) };
                let text = resolve::key_text(resolved, &text)
                    .ok_or_else(|| error(scalar.start, "unsupported map key"))?;
                Key::Owned { text, span: (scalar.start, scalar.end) }
            }
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(PendingKey::Plain(key));
        }
        Ok(())
    }

    /// Where the next node goes: its key and parent. Merge keys are taken note of.
    fn place(&mut self, tag: Tag, at: u32) -> Parse<(Option<Key>, u32, bool)> {
        let in_merge_list = self.in_merge_list();
        let Some(frame) = self.frames.last_mut() else { return Ok((None, ROOT_PARENT, false)) };
        if in_merge_list && !matches!(tag, Tag::Mapping | Tag::Splice) {
            return Err(error(at, MERGE_NEEDS_MAPS));
        }
        match frame.key.take() {
            None => Ok((None, frame.node, false)),
            Some(PendingKey::Plain(key)) => Ok((Some(key), frame.node, false)),
            Some(PendingKey::Merge) => {
                frame.merges = true;
                if !matches!(tag, Tag::Mapping | Tag::Splice | Tag::Sequence) {
                    return Err(error(at, MERGE_NEEDS_MAPS));
                }
                Ok((None, frame.node, true))
            }
        }
    }

    fn push_scalar(&mut self, scalar: Scalar) -> Parse<u32> {
        if scalar.not_finite {
            return Err(error(scalar.start, "JSON has no number for this value"));
        }
        let (key, parent, _) = self.place(scalar.tag, scalar.start)?;
        let span = (scalar.start, scalar.end);
        let node = self.builder.push((scalar.tag, scalar.form), key.as_ref(), span, parent);
        if scalar.binary {
            let text = self.binary(scalar)?;
            self.builder.set_text(node, &text);
        } else if !matches!(scalar.form, Form::Exact | Form::QuotedExact) {
            self.builder.decode_late(node, scalar.indent);
        }
        Ok(node)
    }

    fn binary(&self, scalar: Scalar) -> Parse<String> {
        let raw = &self.text[scalar.start as usize..scalar.end as usize];
        let text = crate::decode::scalar(raw, scalar.form, scalar.indent).replace(['\n', '\r'], "");
        let bytes = BASE64
            .decode(text)
            .map_err(|_| error(scalar.start, "!!binary value contains invalid base64 data"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn open(&mut self, tag: Tag, at: u32, anchor: Option<&'t str>) -> Parse<()> {
        self.count(1, false, at)?;
        if self.at_key() {
            return Err(error(at, "invalid map key: only scalars can be keys"));
        }
        let (key, parent, merge) = self.place(tag, at)?;
        let as_tag = match (merge, tag) {
            (true, Tag::Mapping) => Tag::Splice,
            (true, _) => Tag::SpliceList,
            (false, tag) => tag,
        };
        let node = self.builder.push((as_tag, Form::Exact), key.as_ref(), (at, at), parent);
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchor::Node(node));
        }
        self.frames.push(Frame { node, mapping: tag == Tag::Mapping, key: None, merges: false });
        Ok(())
    }

    fn close_with(&mut self, token: Token, end: Option<u32>) -> Parse<()> {
        debug_assert!(matches!(
            token.kind,
            Kind::BlockEnd | Kind::FlowSequenceEnd | Kind::FlowMappingEnd
        ));
        self.scanner.skip();
        self.close(end)
    }

    /// Closes the innermost collection; without `end` it ends where its last child does.
    fn close(&mut self, end: Option<u32>) -> Parse<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let count = self.builder.nodes.len() as u32;
        let last = self.builder.nodes.last().map_or(0, |n| n.end);
        let start = self.builder.nodes[frame.node as usize].start;
        let end = end.unwrap_or(if count > frame.node + 1 { last } else { start });
        self.builder.close(frame.node, end);
        if self.in_merge_list() {
            self.builder.nodes[frame.node as usize].tag = Tag::Splice;
        }
        // What is merged into a mapping that is merged itself is settled in the outermost one:
        // settled in each, it would be looked at as often as they are nested.
        let later = frame.merges && self.builder.nodes[frame.node as usize].tag == Tag::Splice;
        if frame.mapping && !later {
            let mut children = self.applied_children(frame.node);
            let before = |node: &u32| (*node, self.builder.nodes[*node as usize]);
            let before: Vec<_> = match self.anchors.is_empty() {
                true => Vec::new(),
                false => children.iter().map(before).collect(),
            };
            let lost = self.builder.bury_duplicates(self.text, &mut children);
            if !lost.is_empty() {
                self.buried.extend(before.into_iter().filter_map(|(node, was)| {
                    let dead = self.builder.nodes[node as usize].tag == Tag::Dead;
                    dead.then_some((node, (was, frame.node)))
                }));
            }
            if !frame.merges {
                for node in lost {
                    let node = &self.builder.nodes[node as usize];
                    let (key, length) = (node.key, u32::from(node.key_len));
                    let span = match node.key_len {
                        u16::MAX => self.builder.side[key as usize].key_span,
                        _ => (key, key + length),
                    };
                    self.duplicates.push(span);
                }
            }
        }
        Ok(())
    }

    /// Whether the innermost open collection is the list of `<<: [..]`.
    fn in_merge_list(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|f| self.builder.nodes[f.node as usize].tag == Tag::SpliceList)
    }

    /// A mapping's children in the order in which go-yaml sets them: of several merged maps the
    /// last is set first.
    fn applied_children(&self, node: u32) -> Vec<u32> {
        let nodes = &self.builder.nodes;
        let inside = |node: u32| (node + 1, nodes[node as usize].next);
        let mut children = Vec::new();
        let mut open = vec![inside(node)];
        while let Some((at, end)) = open.pop() {
            if at >= end {
                continue;
            }
            let child = &nodes[at as usize];
            let next = if child.is_collection() { child.next } else { at + 1 };
            open.push((next, end));
            match child.tag {
                Tag::Dead => {}
                Tag::Splice => open.push(inside(at)),
                Tag::SpliceList => open.extend(self.merged_maps(at).map(inside)),
                _ => children.push(at),
            }
        }
        children
    }

    /// The elements of a list of maps.
    fn merged_maps(&self, list: u32) -> impl Iterator<Item = u32> + use<'_, 't> {
        let nodes = &self.builder.nodes;
        let end = nodes[list as usize].next;
        let first = Some(list + 1).filter(|map| *map < end);
        std::iter::successors(first, move |map| {
            Some(nodes[*map as usize].next).filter(|map| *map < end)
        })
    }

    /// Of equal keys of a mapping that came through an alias, the last wins.
    fn settle(&mut self, node: u32) {
        let mut children = self.applied_children(node);
        self.builder.bury_duplicates(self.text, &mut children);
    }

    fn alias(&mut self, token: Token) -> Parse<()> {
        let at = token.start;
        let name = &self.text[at as usize + 1..token.end as usize];
        let Some(&anchor) = self.anchors.get(name) else {
            // The name is not shown: an unquoted password may begin with `*`.
            return Err(error(at, "an alias names an anchor that does not stand above it"));
        };
        self.count(1, false, at)?;
        let from = match anchor {
            Anchor::Key(scalar) => {
                self.count(1, true, at)?;
                return if self.at_key() {
                    self.key(Scalar { merge: false, ..scalar })
                } else {
                    self.push_scalar(scalar).map(|_| ())
                };
            }
            Anchor::Node(node) => node,
        };
        let source = match self.buried.get(&from) {
            Some((was, _)) => *was,
            None => self.builder.nodes[from as usize],
        };
        if source.is_collection() && source.next == NO_SIDE {
            return Err(error(at, &format!("anchor '{name}' value contains itself")));
        }
        if self.at_key() {
            if source.is_collection() {
                return Err(error(at, "invalid map key: only scalars can be keys"));
            }
            self.count(1, true, at)?;
            let indent = match source.next {
                u32::MAX => 0,
                side => self.builder.side[side as usize].indent,
            };
            return self.key(Scalar {
                tag: source.tag,
                form: source.form,
                start: source.start,
                end: source.end,
                indent,
                not_finite: false,
                binary: false,
                merge: false,
            });
        }
        let merged_list = self.in_merge_list();
        let merging = self.frames.last().is_some_and(|f| matches!(f.key, Some(PendingKey::Merge)));
        if merging && !matches!(source.tag, Tag::Mapping | Tag::Splice) {
            return Err(error(at, MERGE_NEEDS_MAPS));
        }
        if source.is_collection() {
            // Keys are decoded too, so they count.
            let size = self.builder.nodes[from as usize..source.next as usize]
                .iter()
                .map(|n| 1 + u64::from(n.key_len != 0))
                .sum::<u64>();
            self.count(size, true, at)?;
        } else {
            self.count(1, true, at)?;
        }
        let (key, parent, merge) = self.place(source.tag, at)?;
        let to = self.builder.copy(from, key.as_ref(), parent);
        self.unbury(from, to);
        // What was merged where its anchor stands is an ordinary value elsewhere.
        match self.builder.nodes[to as usize].tag {
            Tag::Mapping | Tag::Splice if merge || merged_list => self.set_tag(to, Tag::Splice),
            Tag::Splice => {
                self.set_tag(to, Tag::Mapping);
                self.settle(to);
            }
            Tag::SpliceList => {
                self.set_tag(to, Tag::Sequence);
                for map in self.merged_maps(to).collect::<Vec<_>>() {
                    self.set_tag(map, Tag::Mapping);
                    self.settle(map);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives a copy back what its original lost to keys around it.
    fn unbury(&mut self, from: u32, to: u32) {
        if self.buried.is_empty() {
            return;
        }
        for copied in to..self.builder.nodes.len() as u32 {
            let original = from + (copied - to);
            let node = &mut self.builder.nodes[copied as usize];
            if node.tag == Tag::Dead
                && let Some((was, mapping)) = self.buried.get(&original)
                && *mapping < from
            {
                (node.tag, node.form) = (was.tag, was.form);
            }
        }
    }

    fn set_tag(&mut self, node: u32, tag: Tag) {
        self.builder.nodes[node as usize].tag = tag;
    }
}

/// Go's `StdEncoding`: padded, with any bits left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Nodes that aliases may make of a document, free and for each byte of its text. go-yaml has no
/// such limit, but forgets a document before the next: 8 KiB of text make 10 MB, ten thousand times
/// over in a file.
const FREE_ALIASED: u64 = 2000;
const ALIASED_PER_BYTE: u64 = 4;

const MERGE_NEEDS_MAPS: &str = "map merge requires map or sequence of maps as the value";

/// go-yaml's limit for the share of values that came through aliases.
fn allowed_alias_share(decoded: u64) -> f64 {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let decoded = decoded as f64;
    0.99 - 0.89 * ((decoded - LOW) / (HIGH - LOW)).clamp(0.0, 1.0)
}

fn error(at: u32, message: &str) -> SyntaxError {
    SyntaxError { at, message: message.to_owned() }
}

fn unescape_uri(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match (first, hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
