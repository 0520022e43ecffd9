//! Parser from tokens to the arena, with libyaml's grammar.

mod compose;
mod scalar;

use std::collections::HashMap;

use crate::arena::{Builder, Form, Key, Node, Tag};
use crate::scan::{Kind, Scanner, SyntaxError, Token};

pub use compose::EXCESSIVE_ALIASING;
use compose::{ALIASED_PER_BYTE, FREE_ALIASED};

type Parse<T> = Result<T, SyntaxError>;

/// The result of parsing one document.
pub(crate) struct Parsed {
    pub builder: Builder,
    pub comments: Vec<(u32, u32)>,
    /// Spans of keys that are overridden by a later equal key.
    pub duplicates: Vec<(u32, u32)>,
    /// The end of the document's value. Text after it is not read.
    pub end: u32,
    /// There is no value: only blanks and comments.
    pub empty: bool,
}

/// Parses one document, `text[start..end]`.
pub(crate) fn parse(text: &str, start: usize, end: usize) -> Parse<Parsed> {
    let mut parser = Parser {
        text,
        scanner: Scanner::new(text, start, end),
        builder: Builder::new(end - start),
        children: Vec::new(),
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

/// An open collection.
struct Frame {
    node: u32,
    mapping: bool,
    key: Option<PendingKey>,
    /// A merge key was seen, so document order is not the order of application.
    merges: bool,
}

enum PendingKey {
    Plain(Key),
    Merge,
}

/// A scalar that is not yet a node or a key.
#[derive(Clone, Copy)]
struct Scalar {
    tag: Tag,
    form: Form,
    start: u32,
    end: u32,
    indent: u32,
    /// `.nan` or `.inf`: allowed as a key, but not as a value.
    not_finite: bool,
    /// `!!binary`: the text is the base64 encoding of the value.
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
    /// Original nodes that were overridden by an equal key, and the mapping in which they were. An
    /// alias still refers to them.
    buried: HashMap<u32, (Node, u32)>,
    duplicates: Vec<(u32, u32)>,
    /// Scratch buffer for the children of the mapping being closed. Empty in between.
    children: Vec<u32>,
    decoded: u64,
    aliased: u64,
    max_aliased: u64,
}

impl<'t> Parser<'t> {
    /// Parses the first document of the text. Returns false if there is none.
    fn document(&mut self) -> Parse<bool> {
        match self.scanner.peek()?.kind {
            Kind::StreamEnd => return Ok(false),
            Kind::Directive => {
                let message = "a directive requires a document start, which kubectl cuts away";
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
                        // libyaml consumes the token here, including the value indicator.
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

    /// Skips `,` and closes the collection at its end. Returns the token that begins an entry.
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
}

fn error(at: u32, message: &str) -> SyntaxError {
    SyntaxError { at, message: message.to_owned() }
}
