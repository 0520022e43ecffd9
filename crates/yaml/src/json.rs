//! JSON reader, into the same arena.

use crate::arena::{Builder, Form, Key, MAX_NODES, ROOT_PARENT, TOO_MANY_NODES, Tag};
use crate::resolve::Number;
use crate::scan::{MAX_DEPTH, SyntaxError};

type Parse<T> = Result<T, SyntaxError>;

/// A parsed JSON value.
pub(crate) struct Parsed {
    pub builder: Builder,
    /// The offset after the value.
    pub end: usize,
    /// The offset of a number too large for a float: valid JSON, but refused by kubectl.
    pub out_of_range: Option<usize>,
}

/// Parses the JSON value that starts at or after `at`.
pub(crate) fn parse(text: &str, at: usize) -> Parse<Parsed> {
    let builder = Builder::new(0);
    let mut reader = Reader { text, bytes: text.as_bytes(), pos: at, builder, out_of_range: None };
    reader.value()?;
    let Reader { builder, pos: end, out_of_range, .. } = reader;
    Ok(Parsed { builder, end, out_of_range })
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    builder: Builder,
    out_of_range: Option<usize>,
}

struct Frame {
    node: u32,
    children: Option<Vec<u32>>,
}

impl Reader<'_> {
    fn error<T>(&self, message: &str) -> Parse<T> {
        Err(SyntaxError::new(self.pos.min(self.bytes.len()), message))
    }

    fn skip_blanks(&mut self) {
        while matches!(self.bytes.get(self.pos), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn value(&mut self) -> Parse<()> {
        let mut frames: Vec<Frame> = Vec::new();
        let mut first = true;
        loop {
            self.skip_blanks();
            // Inside a collection: its end, or a comma before all but the first entry.
            let mut key = None;
            if let Some(frame) = frames.last() {
                let mapping = frame.children.is_some();
                let end = if mapping { b'}' } else { b']' };
                if self.bytes.get(self.pos) == Some(&end) && first {
                    self.close(&mut frames);
                    first = false;
                    if frames.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
                if !first {
                    match self.bytes.get(self.pos) {
                        Some(b',') => self.pos += 1,
                        Some(c) if *c == end => {
                            self.close(&mut frames);
                            if frames.is_empty() {
                                return Ok(());
                            }
                            continue;
                        }
                        _ => return self.error("expected ',' or the collection's end in JSON"),
                    }
                    self.skip_blanks();
                }
                if mapping {
                    key = Some(self.key()?);
                }
            }
            let parent = frames.last().map_or(ROOT_PARENT, |f| f.node);
            if self.builder.nodes.len() >= MAX_NODES {
                return self.error(TOO_MANY_NODES);
            }
            let at = self.pos;
            let opened = match self.bytes.get(at) {
                Some(b'{') => Some((Tag::Mapping, Some(Vec::new()))),
                Some(b'[') => Some((Tag::Sequence, None)),
                _ => None,
            };
            let node = match opened {
                Some((tag, children)) => {
                    if frames.len() >= MAX_DEPTH {
                        return self.error("nested too deeply");
                    }
                    self.pos += 1;
                    let span = (at as u32, at as u32);
                    let node = self.builder.push((tag, Form::Exact), key.as_ref(), span, parent);
                    register(&mut frames, node);
                    frames.push(Frame { node, children });
                    first = true;
                    continue;
                }
                None => self.scalar(key.as_ref(), parent)?,
            };
            register(&mut frames, node);
            if frames.is_empty() {
                return Ok(());
            }
            first = false;
        }
    }

    fn close(&mut self, frames: &mut Vec<Frame>) {
        self.pos += 1;
        if let Some(frame) = frames.pop() {
            self.builder.close(frame.node, self.pos as u32);
            if let Some(mut children) = frame.children {
                self.builder.bury_duplicates(self.text, &mut children);
            }
        }
    }

    fn key(&mut self) -> Parse<Key> {
        if self.bytes.get(self.pos) != Some(&b'"') {
            return self.error("expected a key in quotes in JSON");
        }
        let start = self.pos;
        let escaped = self.string()?;
        let raw = &self.text[start + 1..self.pos - 1];
        let key = if escaped {
            Key::Owned { text: unescape(raw), span: (start as u32 + 1, self.pos as u32 - 1) }
        } else {
            Builder::slice_key(start + 1, raw.len(), raw)
        };
        self.skip_blanks();
        if self.bytes.get(self.pos) != Some(&b':') {
            return self.error("expected ':' in JSON");
        }
        self.pos += 1;
        self.skip_blanks();
        Ok(key)
    }

    fn scalar(&mut self, key: Option<&Key>, parent: u32) -> Parse<u32> {
        let start = self.pos;
        let rest = &self.bytes[start.min(self.bytes.len())..];
        let (tag, form) = match rest.first() {
            Some(b'"') => {
                let escaped = self.string()?;
                (Tag::Text, if escaped { Form::Json } else { Form::QuotedExact })
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                if number(&self.text[start..self.pos]).is_none() {
                    self.out_of_range = Some(start);
                }
                (Tag::Number, Form::Json)
            }
            _ => {
                let words = [("null", Tag::Null), ("true", Tag::True), ("false", Tag::False)];
                let Some((word, tag)) = words.iter().find(|(w, _)| rest.starts_with(w.as_bytes()))
                else {
                    return self.error("expected a value in JSON");
                };
                self.pos += word.len();
                (*tag, Form::Exact)
            }
        };
        let span = (start as u32, self.pos as u32);
        let node = self.builder.push((tag, form), key, span, parent);
        if tag == Tag::Text && form == Form::Json {
            self.builder.decode_late(node, 0);
        }
        Ok(node)
    }

    /// Skips a string. Returns whether it has escapes.
    fn string(&mut self) -> Parse<bool> {
        let mut escaped = false;
        self.pos += 1;
        loop {
            match self.bytes.get(self.pos) {
                None => return self.error("a string in JSON is not terminated"),
                Some(b'"') => break,
                Some(0..0x20) => return self.error("a control character in a JSON string"),
                Some(b'\\') => {
                    escaped = true;
                    let digits = match self.bytes.get(self.pos + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
                        Some(b'u') => 4,
                        _ => return self.error("an unknown escape in a JSON string"),
                    };
                    let hex = self.bytes.get(self.pos + 2..self.pos + 2 + digits);
                    if !hex.is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) {
                        return self
                            .error("an escape in a JSON string needs four hexadecimal digits");
                    }
                    self.pos += 2 + digits;
                }
                Some(_) => self.pos += 1,
            }
        }
        self.pos += 1;
        Ok(escaped)
    }

    fn number(&mut self) -> Parse<()> {
        if self.bytes.get(self.pos) == Some(&b'-') {
            self.pos += 1;
        }
        match self.bytes.get(self.pos) {
            Some(b'0') => self.pos += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.error("a number in JSON has no digits"),
        }
        if self.bytes.get(self.pos) == Some(&b'.') {
            self.pos += 1;
            if !self.at_digit() {
                return self.error("a number in JSON has no digits after its point");
            }
            self.digits();
        }
        if matches!(self.bytes.get(self.pos), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.bytes.get(self.pos), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            if !self.at_digit() {
                return self.error("a number in JSON has an empty exponent");
            }
            self.digits();
        }
        Ok(())
    }

    fn at_digit(&self) -> bool {
        self.bytes.get(self.pos).is_some_and(u8::is_ascii_digit)
    }

    fn digits(&mut self) {
        while self.at_digit() {
            self.pos += 1;
        }
    }
}

fn register(frames: &mut [Frame], node: u32) {
    if let Some(Frame { children: Some(children), .. }) = frames.last_mut() {
        children.push(node);
    }
}

/// Parses a JSON number as kubectl does. `None` if no float can hold it.
pub(crate) fn number(text: &str) -> Option<Number> {
    match text.parse::<i64>() {
        Ok(int) => Some(Number::Int(int)),
        Err(_) => text.parse::<f64>().ok().filter(|f| f.is_finite()).map(Number::Float),
    }
}

/// Resolves the escapes of a valid JSON string. A lone surrogate becomes U+FFFD, as in Go.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut taken = at + 2;
        match escape {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let unit = |at: usize| {
                    let hex = rest.get(at..at + 6)?.strip_prefix("\\u")?;
                    u16::from_str_radix(hex, 16).ok()
                };
                let high = unit(at).unwrap_or(0xFFFD);
                taken = at + 6;
                let pair = unit(taken).map(|low| [high, low]);
                let joined = pair.and_then(|p| char::decode_utf16(p).next()?.ok());
                match joined {
                    Some(c) if c as u32 > 0xFFFF => {
                        out.push(c);
                        taken += 6;
                    }
                    _ => out.push(char::from_u32(u32::from(high)).unwrap_or('\u{FFFD}')),
                }
            }
            other => out.push(char::from(other)),
        }
        rest = rest.get(taken..).unwrap_or("");
    }
    out.push_str(rest);
    out
}
