//! Text to tokens, by the rules of go-yaml v2 (a port of libyaml), which is what kubectl reads with.
//!
//! The scanner never copies text: a scalar token is a span and the way to decode it later
//! ([`crate::decode`]). Everything is iterative, so depth costs no stack.

use std::collections::VecDeque;

use crate::chars::{break_len, is_blank, is_blankz, is_break_at};
use crate::doc::Form;

/// What is wrong with a document, and the byte where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte offset in the source text.
    pub at: u32,
    /// What is wrong, without the place.
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at: at as u32, message: message.into() }
    }
}

/// Deepest nesting that is read; kubectl's own limit is the same.
pub const MAX_DEPTH: usize = 10_000;

/// A key written without `?` is looked for within this many characters (YAML 1.2, 7.4.2).
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
    /// Content indentation of a block scalar, else 0.
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
    /// `column` holds at `column_at`; it is brought forward on demand.
    column: i32,
    column_at: usize,
    tokens: VecDeque<Token>,
    taken: usize,
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
    /// Scans `text[start..end]`; spans are offsets in the whole text.
    pub(crate) fn new(text: &'t str, start: usize, end: usize) -> Self {
        let mut scanner = Self {
            text: &text.as_bytes()[..end],
            pos: start,
            end,
            line: 0,
            column: 0,
            column_at: start,
            tokens: VecDeque::new(),
            taken: 0,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            comments: Vec::new(),
        };
        // Only the first one is a mark; go-yaml takes any other for a letter.
        if scanner.text[start.min(end)..].starts_with("\u{feff}".as_bytes()) {
            scanner.pos += 3;
            scanner.column_at = scanner.pos;
        }
        scanner
    }

    /// The next token, without taking it.
    pub(crate) fn peek(&mut self) -> Scan<Token> {
        loop {
            if let Some(head) = self.tokens.front().copied()
                && !self.head_may_be_key()?
            {
                return Ok(head);
            }
            self.fetch()?;
        }
    }

    /// Takes the token that [`Scanner::peek`] showed.
    pub(crate) fn skip(&mut self) {
        self.tokens.pop_front();
        self.taken += 1;
    }

    fn head_may_be_key(&self) -> Scan<bool> {
        let i = self.simple_keys.partition_point(|key| key.token < self.taken);
        match self.simple_keys[i..]
            .iter()
            .take_while(|k| k.token == self.taken)
            .find(|k| k.possible)
        {
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
            self.column += chars(&self.text[self.column_at..self.pos]) as i32;
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
        self.tokens.push_back(Token { kind, start: start as u32, end: end as u32, indent: 0 });
    }

    fn push_indicator(&mut self, kind: Kind, length: usize) {
        self.push(kind, self.pos, self.pos + length);
        self.pos += length;
    }

    fn fetch(&mut self) -> Scan<()> {
        if self.ended {
            // Only reached when a key position is still open at the end: nothing more can come.
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
                    b' ' => self.pos += 1,
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
        while self.pos < self.end && !is_break_at(self.text, self.pos) {
            self.pos += 1;
        }
        self.comments.push((start as u32, self.pos as u32));
    }

    fn save_simple_key(&mut self) -> Scan<()> {
        if self.simple_key_allowed {
            let column = self.column();
            let key = SimpleKey {
                possible: true,
                required: self.flow_level == 0 && self.indent == column,
                token: self.taken + self.tokens.len(),
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
            Some(number) => self.tokens.insert(number - self.taken, start),
            None => self.tokens.push_back(start),
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

    fn fetch_directive(&mut self) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        while self.pos < self.end && !is_break_at(self.text, self.pos) {
            self.pos += 1;
        }
        if !is_directive(&self.text[start..self.pos]) {
            return Err(SyntaxError::new(start, "this is neither a %YAML nor a %TAG directive"));
        }
        self.push(Kind::Directive, start, self.pos);
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
        let token = self.taken + self.tokens.len();
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
            self.tokens.insert(key.token - self.taken, start);
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

    fn fetch_anchor(&mut self, kind: Kind) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        self.pos += 1;
        while is_word(self.byte(self.pos)) {
            self.pos += 1;
        }
        let ends_well = is_blankz(self.text, self.pos)
            || matches!(self.byte(self.pos), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if self.pos == start + 1 || !ends_well {
            let message = "an anchor or alias name must be letters, digits, '-' or '_'";
            return Err(SyntaxError::new(start, message));
        }
        self.push(kind, start, self.pos);
        Ok(())
    }

    fn fetch_tag(&mut self) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        if self.byte(start + 1) == b'<' {
            self.pos += 2;
            if self.skip_uri()? == 0 {
                return Err(SyntaxError::new(start, "did not find expected tag URI"));
            }
            if self.byte(self.pos) != b'>' {
                return Err(SyntaxError::new(start, "did not find the expected '>'"));
            }
            self.pos += 1;
        } else {
            self.pos += 1;
            while is_word(self.byte(self.pos)) {
                self.pos += 1;
            }
            let named_handle = self.byte(self.pos) == b'!';
            if named_handle {
                self.pos += 1;
            }
            let suffix = self.skip_uri()?;
            if named_handle && suffix == 0 {
                return Err(SyntaxError::new(start, "did not find expected tag URI"));
            }
        }
        if !is_blankz(self.text, self.pos) {
            let message = "a tag must be followed by a blank or a line end";
            return Err(SyntaxError::new(start, message));
        }
        self.push(Kind::Tag, start, self.pos);
        Ok(())
    }

    fn skip_uri(&mut self) -> Scan<usize> {
        let start = self.pos;
        loop {
            let c = self.byte(self.pos);
            if c == b'%' {
                let escape = self.text.get(self.pos + 1..self.pos + 3);
                if !escape.is_some_and(|e| e.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(SyntaxError::new(self.pos, "did not find URI escaped octet"));
                }
                self.pos += 3;
            } else if is_uri(c) {
                self.pos += 1;
            } else {
                return Ok(self.pos - start);
            }
        }
    }

    fn fetch_quoted(&mut self, single: bool) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        self.pos += 1;
        let mut exact = true;
        let quote = if single { b'\'' } else { b'"' };
        loop {
            if self.pos >= self.end {
                return Err(SyntaxError::new(start, "a quoted text has no end"));
            }
            let c = self.byte(self.pos);
            if c == quote {
                if single && self.byte(self.pos + 1) == b'\'' {
                    exact = false;
                    self.pos += 2;
                    continue;
                }
                break;
            }
            if !single && c == b'\\' {
                exact = false;
                self.skip_escape()?;
            } else if is_break_at(self.text, self.pos) {
                exact = false;
                self.skip_quoted_line()?;
            } else {
                self.pos += 1;
            }
        }
        self.pos += 1;
        let form = match (exact, single) {
            (true, _) => Form::QuotedExact,
            (false, true) => Form::Single,
            (false, false) => Form::Double,
        };
        self.push(Kind::Scalar(form), start, self.pos);
        Ok(())
    }

    fn skip_quoted_line(&mut self) -> Scan<()> {
        self.skip_line();
        if self.at_document_indicator() {
            let message = "a quoted text holds a document indicator";
            return Err(SyntaxError::new(self.pos, message));
        }
        Ok(())
    }

    fn skip_escape(&mut self) -> Scan<()> {
        let at = self.pos;
        if is_break_at(self.text, at + 1) {
            self.pos += 1;
            return self.skip_quoted_line();
        }
        let digits = match self.byte(at + 1) {
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"'
            | b'\'' | b'\\' | b'N' | b'_' | b'L' | b'P' => 0,
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return Err(SyntaxError::new(at, "found unknown escape character")),
        };
        self.pos += 2 + digits;
        if digits > 0 {
            let hex = self.text.get(at + 2..at + 2 + digits).and_then(|h| {
                h.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(h).ok())?
            });
            let code = hex
                .and_then(|h| u32::from_str_radix(h, 16).ok())
                .ok_or_else(|| SyntaxError::new(at, "an escape needs hexadecimal digits"))?;
            if char::from_u32(code).is_none() {
                let message = "an escape names no Unicode character (surrogate pairs are for JSON)";
                return Err(SyntaxError::new(at, message));
            }
        }
        Ok(())
    }

    fn fetch_plain(&mut self) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        let indent = self.indent + 1;
        let flow = self.flow_level > 0;
        let (mut end, mut folded, mut after_break) = (start, false, false);
        loop {
            let c = self.byte(self.pos);
            if c == b'#' || self.column() == 0 && self.at_document_indicator() {
                break;
            }
            let segment = self.pos;
            self.skip_plain_segment(flow);
            if self.pos > segment {
                folded |= after_break;
                after_break = false;
                end = self.pos;
            }
            let c = self.byte(self.pos);
            if !is_blank(c) && !is_break_at(self.text, self.pos) {
                break;
            }
            loop {
                let c = self.byte(self.pos);
                if is_blank(c) {
                    if after_break && c == b'\t' && self.column() < indent {
                        let message = "found a tab character that violates indentation";
                        return Err(SyntaxError::new(self.pos, message));
                    }
                    self.pos += 1;
                } else if is_break_at(self.text, self.pos) {
                    self.skip_line();
                    after_break = true;
                } else {
                    break;
                }
            }
            if !flow && self.column() < indent {
                break;
            }
        }
        self.push(Kind::Scalar(if folded { Form::Folded } else { Form::Exact }), start, end);
        if after_break {
            self.simple_key_allowed = true;
        }
        Ok(())
    }

    fn skip_plain_segment(&mut self, flow: bool) {
        while self.pos < self.end {
            match self.text[self.pos] {
                b' ' | b'\t' | b'\n' | b'\r' => return,
                b':' if is_blankz(self.text, self.pos + 1) => return,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if flow => return,
                0xC2 | 0xE2 if is_break_at(self.text, self.pos) => return,
                _ => self.pos += 1,
            }
        }
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Scan<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let start = self.pos;
        let header = BlockHeader::read(self.text, start)?;
        self.pos = header.end;
        while is_blank(self.byte(self.pos)) {
            self.pos += 1;
        }
        if self.byte(self.pos) == b'#' {
            self.skip_comment();
        }
        if self.pos < self.end && !is_break_at(self.text, self.pos) {
            let message = "a block scalar's header must end with a comment or a line end";
            return Err(SyntaxError::new(start, message));
        }
        if self.pos < self.end {
            self.skip_line();
        }
        let mut indent = match header.increment {
            0 => 0,
            n if self.indent >= 0 => self.indent + n,
            n => n,
        };
        let mut end = self.skip_block_breaks(&mut indent, start)?;
        while self.pos < self.end && self.column() == indent {
            while self.pos < self.end && !is_break_at(self.text, self.pos) {
                self.pos += 1;
            }
            self.skip_line();
            end = self.skip_block_breaks(&mut indent, start)?;
        }
        let kind = Kind::Scalar(if literal { Form::Literal } else { Form::BlockFolded });
        let token =
            Token { kind, start: start as u32, end: end as u32, indent: indent.unsigned_abs() };
        self.tokens.push_back(token);
        Ok(())
    }

    /// Skips blank lines and the next line's indentation; returns where the last break ended.
    fn skip_block_breaks(&mut self, indent: &mut i32, start: usize) -> Scan<usize> {
        let mut end = self.pos;
        let mut deepest = 0;
        loop {
            let mut column = self.column();
            while (*indent == 0 || column < *indent) && self.byte(self.pos) == b' ' {
                self.pos += 1;
                column += 1;
            }
            deepest = deepest.max(column);
            if (*indent == 0 || column < *indent) && self.byte(self.pos) == b'\t' {
                let message = "found a tab character where an indentation space is expected";
                return Err(SyntaxError::new(start, message));
            }
            if !is_break_at(self.text, self.pos) {
                break;
            }
            self.skip_line();
            end = self.pos;
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(end)
    }
}

/// The header of a block scalar: `|`, `>-`, `|2+`.
pub(crate) struct BlockHeader {
    /// `-1` strips, `0` clips, `1` keeps the last line breaks.
    pub chomping: i32,
    /// Explicit indentation, or 0.
    pub increment: i32,
    /// Byte after the indicators.
    pub end: usize,
}

impl BlockHeader {
    pub(crate) fn read(text: &[u8], start: usize) -> Scan<Self> {
        let mut header = Self { chomping: 0, increment: 0, end: start + 1 };
        for _ in 0..2 {
            match text.get(header.end) {
                Some(b'+') if header.chomping == 0 => header.chomping = 1,
                Some(b'-') if header.chomping == 0 => header.chomping = -1,
                Some(b'0') if header.increment == 0 => {
                    return Err(SyntaxError::new(
                        start,
                        "found an indentation indicator equal to 0",
                    ));
                }
                Some(digit @ b'1'..=b'9') if header.increment == 0 => {
                    header.increment = i32::from(digit - b'0');
                }
                _ => break,
            }
            header.end += 1;
        }
        Ok(header)
    }
}

/// `%YAML 1.1` or `%TAG !handle! prefix`, then perhaps a comment.
fn is_directive(line: &[u8]) -> bool {
    let mut words = line.split(|c| is_blank(*c)).filter(|word| !word.is_empty());
    let number =
        |digits: &[u8]| matches!(digits.len(), 1 | 2) && digits.iter().all(u8::is_ascii_digit);
    let good = match words.next() {
        Some(b"%YAML") => words.next().is_some_and(|version| {
            let mut parts = version.splitn(2, |c| *c == b'.');
            parts.next().is_some_and(number) && parts.next().is_some_and(number)
        }),
        Some(b"%TAG") => {
            let handle = words.next().and_then(|handle| handle.strip_prefix(b"!"));
            let closed = handle.map(|handle| handle.strip_suffix(b"!").unwrap_or(handle));
            let one = handle.is_some_and(|handle| handle.is_empty() || handle.ends_with(b"!"));
            one && closed.is_some_and(|name| name.iter().all(|c| is_word(*c)))
                && words.next().is_some_and(|prefix| prefix.iter().all(|c| is_uri(*c)))
        }
        _ => false,
    };
    good && words.next().is_none_or(|word| word.starts_with(b"#"))
}

fn is_uri(c: u8) -> bool {
    is_word(c) || b";/?:@&=+$,.!~*'()[]%".contains(&c)
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'-'
}

fn chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}
