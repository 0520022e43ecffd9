//! Scanner from text to tokens, by the rules of go-yaml v2 (a port of libyaml), which kubectl uses.
//!
//! The scanner never copies text: a scalar token is a span and the form needed to decode it later
//! ([`crate::decode`]). Everything is iterative, so nesting does not use the stack.

mod property;
mod queue;
mod scalar;

use queue::Queue;
pub(crate) use scalar::BlockHeader;

use crate::arena::Form;
use crate::chars::{break_len, is_blank, is_blankz, is_break_at, line_end, spaces};

/// A syntax error in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte offset in the source text.
    pub at: u32,
    /// The message, without the location.
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at: at as u32, message: message.into() }
    }
}

/// Maximum nesting depth, the same as kubectl's.
pub const MAX_DEPTH: usize = 10_000;

/// A key without `?` must end within this many characters (YAML 1.2, 7.4.2).
const MAX_SIMPLE_KEY: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Directive,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar(Form),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
    /// The content indentation of a block scalar, otherwise 0.
    pub indent: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    pos: usize,
    line: u32,
    column: i32,
}

pub(crate) struct Scanner<'t> {
    text: &'t [u8],
    pos: usize,
    end: usize,
    line: u32,
    /// The column at `column_at`, updated on demand.
    column: i32,
    column_at: usize,
    /// Every byte is a character, and a line break is one byte or `\r\n`.
    ascii: bool,
    tokens: Queue,
    /// The first token, once it can no longer become a key.
    settled: Option<Token>,
    ended: bool,
    indent: i32,
    indents: Vec<i32>,
    flow_level: usize,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    pub(crate) comments: Vec<(u32, u32)>,
}

type Scan<T> = Result<T, SyntaxError>;

impl<'t> Scanner<'t> {
    /// Scans `text[start..end]`. Spans are offsets in the whole text.
    pub(crate) fn new(text: &'t str, start: usize, end: usize) -> Self {
        let mut scanner = Self {
            text: &text.as_bytes()[..end],
            pos: start,
            end,
            line: 0,
            column: 0,
            column_at: start,
            ascii: text.as_bytes()[start.min(end)..end].is_ascii(),
            tokens: Queue::default(),
            settled: None,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            comments: Vec::new(),
        };
        // Only the first one is a byte-order mark. go-yaml treats any other as a letter.
        if scanner.text[start.min(end)..].starts_with("\u{feff}".as_bytes()) {
            scanner.pos += 3;
            scanner.column_at = scanner.pos;
        }
        scanner
    }

    /// Returns the next token without consuming it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Scan<Token> {
        match self.settled {
            Some(first) => Ok(first),
            None => self.settle(),
        }
    }

    /// Scans until the first token is settled. Separate from [`Scanner::peek`], which the grammar
    /// calls several times per token.
    #[inline(never)]
    fn settle(&mut self) -> Scan<Token> {
        loop {
            match self.tokens.first() {
                Some(first) if !self.first_may_be_key()? => {
                    self.settled = Some(first);
                    return Ok(first);
                }
                _ => self.fetch()?,
            }
        }
    }

    /// Consumes the token that [`Scanner::peek`] returned.
    #[inline]
    pub(crate) fn skip(&mut self) {
        self.tokens.skip();
        self.settled = None;
    }

    fn first_may_be_key(&self) -> Scan<bool> {
        let first = self.tokens.number();
        let i = self.simple_keys.partition_point(|key| key.token < first);
        match self.simple_keys[i..].iter().take_while(|k| k.token == first).find(|k| k.possible) {
            Some(key) => self.is_valid(key),
            None => Ok(false),
        }
    }

    fn is_valid(&self, key: &SimpleKey) -> Scan<bool> {
        if !key.possible {
            return Ok(false);
        }
        if key.line < self.line || self.is_too_long(key.pos) {
            if key.required {
                return Err(SyntaxError::new(key.pos, "could not find expected ':'"));
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn is_too_long(&self, start: usize) -> bool {
        let bytes = self.pos - start;
        bytes > 4 * MAX_SIMPLE_KEY
            || bytes > MAX_SIMPLE_KEY && chars(&self.text[start..self.pos]) > MAX_SIMPLE_KEY
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn column(&mut self) -> i32 {
        if self.column_at < self.pos {
            let passed = &self.text[self.column_at..self.pos];
            self.column += if self.ascii { passed.len() } else { chars(passed) } as i32;
            self.column_at = self.pos;
        }
        self.column
    }

    fn skip_line(&mut self) {
        self.pos += break_len(self.text, self.pos);
        self.line += 1;
        self.column = 0;
        self.column_at = self.pos;
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.push(Token { kind, start: start as u32, end: end as u32, indent: 0 });
    }

    fn push_indicator(&mut self, kind: Kind, length: usize) {
        self.push(kind, self.pos, self.pos + length);
        self.pos += length;
    }

    fn fetch(&mut self) -> Scan<()> {
        if self.ended {
            // Reached only if a possible key is still open at the end.
            return Err(SyntaxError::new(self.pos, "unexpected end of the document"));
        }
        self.skip_to_token();
        let column = self.column();
        self.unroll_indent(column);
        let c = self.byte(self.pos);
        let next = self.pos + 1;
        if self.pos >= self.end {
            return self.fetch_stream_end();
        }
        if column == 0 {
            if c == b'%' {
                return self.fetch_directive();
            }
            if self.at_document_indicator() {
                return self.fetch_document_indicator(c);
            }
        }
        match c {
            b'[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Kind::FlowMappingStart),
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(Kind::FlowEntry, 1);
                Ok(())
            }
            b'-' if is_blankz(self.text, next) => self.fetch_block_entry(),
            b'?' if self.flow_level > 0 || is_blankz(self.text, next) => self.fetch_key(),
            b':' if self.flow_level > 0 || is_blankz(self.text, next) => self.fetch_value(),
            b'*' => self.fetch_anchor(Kind::Alias),
            b'&' => self.fetch_anchor(Kind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' if self.flow_level == 0 => self.fetch_block_scalar(true),
            b'>' if self.flow_level == 0 => self.fetch_block_scalar(false),
            b'\'' => self.fetch_quoted(true),
            b'"' => self.fetch_quoted(false),
            _ if self.may_start_plain(c) => self.fetch_plain(),
            _ => Err(SyntaxError::new(self.pos, "found character that cannot start any token")),
        }
    }

    fn may_start_plain(&self, c: u8) -> bool {
        let next = self.pos + 1;
        match c {
            b'-' => !is_blank(self.byte(next)),
            b'?' | b':' => self.flow_level == 0 && !is_blankz(self.text, next),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' => false,
            _ => !is_blankz(self.text, self.pos),
        }
    }

    fn at_document_indicator(&self) -> bool {
        let rest = &self.text[self.pos..];
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && is_blankz(self.text, self.pos + 3)
    }

    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            loop {
                match self.byte(self.pos) {
                    b' ' => self.pos += spaces(&self.text[self.pos..]),
                    b'\t' if tabs => self.pos += 1,
                    _ => break,
                }
            }
            if self.byte(self.pos) == b'#' {
                self.skip_comment();
            }
            if is_break_at(self.text, self.pos) {
                self.skip_line();
                if self.flow_level == 0 {
                    self.simple_key_allowed = true;
                }
            } else {
                return;
            }
        }
    }

    fn skip_comment(&mut self) {
        let start = self.pos;
        self.skip_to_line_end();
        self.comments.push((start as u32, self.pos as u32));
    }

    /// Moves to the next line break or to the end.
    fn skip_to_line_end(&mut self) {
        let rest = &self.text[self.pos..];
        self.pos = match self.ascii {
            true => memchr::memchr2(b'\n', b'\r', rest).map_or(self.end, |at| self.pos + at),
            false => line_end(self.text, self.pos),
        };
    }

    fn save_simple_key(&mut self) -> Scan<()> {
        if self.simple_key_allowed {
            let column = self.column();
            let key = SimpleKey {
                possible: true,
                required: self.flow_level == 0 && self.indent == column,
                token: self.tokens.next_number(),
                pos: self.pos,
                line: self.line,
                column,
            };
            self.remove_simple_key()?;
            if let Some(last) = self.simple_keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scan<()> {
        if let Some(key) = self.simple_keys.last_mut()
            && key.possible
        {
            if key.required {
                return Err(SyntaxError::new(key.pos, "could not find expected ':'"));
            }
            key.possible = false;
        }
        Ok(())
    }

    fn check_depth(&self) -> Scan<()> {
        if self.flow_level + self.indents.len() >= MAX_DEPTH {
            return Err(SyntaxError::new(self.pos, format!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn roll_indent(
        &mut self,
        column: i32,
        token: Option<usize>,
        kind: Kind,
        at: usize,
    ) -> Scan<()> {
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.check_depth()?;
        self.indents.push(self.indent);
        self.indent = column;
        let start = Token { kind, start: at as u32, end: at as u32, indent: 0 };
        match token {
            Some(number) => self.tokens.insert(number, start),
            None => self.tokens.push(start),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: i32) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Kind::BlockEnd, self.pos, self.pos);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        if self.column() != 0 {
            self.column = 0;
            self.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, self.pos, self.pos);
        self.ended = true;
        Ok(())
    }

    fn fetch_document_indicator(&mut self, c: u8) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let kind = if c == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd };
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Scan<()> {
        self.save_simple_key()?;
        self.check_depth()?;
        let token = self.tokens.next_number();
        self.simple_keys.push(SimpleKey { token, ..SimpleKey::default() });
        self.flow_level += 1;
        self.simple_key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Scan<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                let message = "block sequence entries are not allowed in this context";
                return Err(SyntaxError::new(self.pos, message));
            }
            let column = self.column();
            self.roll_indent(column, None, Kind::BlockSequenceStart, self.pos)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                let message = "mapping keys are not allowed in this context";
                return Err(SyntaxError::new(self.pos, message));
            }
            let column = self.column();
            self.roll_indent(column, None, Kind::BlockMappingStart, self.pos)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let key = self.simple_keys.last().copied().unwrap_or_default();
        if self.is_valid(&key)? {
            let start =
                Token { kind: Kind::Key, start: key.pos as u32, end: key.pos as u32, indent: 0 };
            self.tokens.insert(key.token, start);
            self.roll_indent(key.column, Some(key.token), Kind::BlockMappingStart, key.pos)?;
            if let Some(last) = self.simple_keys.last_mut() {
                last.possible = false;
            }
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    let message = "mapping values are not allowed in this context";
                    return Err(SyntaxError::new(self.pos, message));
                }
                let column = self.column();
                self.roll_indent(column, None, Kind::BlockMappingStart, self.pos)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }
}

fn chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}
