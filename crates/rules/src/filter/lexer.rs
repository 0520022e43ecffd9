//! Reads the tokens of a filter.

use super::ast::Position;

/// The text of a filter and the current offset.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    pub(super) at: usize,
}

/// Returns whether a byte is a blank.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | 0x08 | b'\t' | b'\n' | b'\r')
}

/// Returns whether a byte ends an unquoted value.
pub(super) const fn ends_bare(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b',' | b'=' | b'"' | b'\'')
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    pub(super) fn position(&self) -> Position {
        let before = &self.text[..self.at];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        Position {
            index: self.at,
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: self.at - line_start + 1,
        }
    }

    /// Skips blanks. Returns whether there were any.
    pub(super) fn blank(&mut self) -> bool {
        self.take_while(is_blank).is_some()
    }

    /// Consumes exactly this text. Returns whether it was there.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text.as_bytes());
        if found {
            self.at += text.len();
        }
        found
    }

    /// Consumes the longest non-empty run of matching bytes.
    pub(super) fn take_while(&mut self, is: fn(u8) -> bool) -> Option<&'a [u8]> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    /// Consumes `[a-zA-Z][a-zA-Z0-9_]*`.
    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        let word = word(self.rest())?;
        self.at += word.len();
        Some(word)
    }

    /// Consumes at least two identifiers separated by dots.
    pub(super) fn field_name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let mut length = word(rest)?.len();
        let first = length;
        while rest.get(length) == Some(&b'.') {
            let Some(next) = word(&rest[length + 1..]) else { break };
            length += 1 + next.len();
        }
        if length == first {
            return None;
        }
        self.at += length;
        std::str::from_utf8(&rest[..length]).ok()
    }

    /// Consumes an unquoted value.
    pub(super) fn bare(&mut self) -> Option<&'a [u8]> {
        self.take_while(|byte| !ends_bare(byte))
    }

    /// Consumes a quoted string: up to the first unescaped quote, or else the last quote.
    pub(super) fn quoted(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let quote = *rest.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let mut last = None;
        let mut at = 1;
        let end = loop {
            match rest.get(at) {
                None => break last?,
                Some(byte) if *byte == quote => break at,
                Some(b'\\') if rest.get(at + 1) == Some(&quote) => {
                    last = Some(at + 1);
                    at += 2;
                }
                Some(_) => at += 1,
            }
        };
        self.at += end + 1;
        Some(&rest[..=end])
    }

    /// Consumes a number: `0x1f`, `-1.5e+3`.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let digits = |from: usize, is: fn(&u8) -> bool| {
            rest[from..].iter().take_while(|byte| is(byte)).count()
        };
        let mut end = 0;
        if matches!(rest, [b'0', b'x' | b'X', ..]) {
            let hex = digits(2, u8::is_ascii_alphanumeric);
            if hex > 0 {
                self.at += 2 + hex;
                return Some(&rest[..2 + hex]);
            }
        }
        if matches!(rest.first(), Some(b'+' | b'-')) {
            end += 1;
        }
        let whole = digits(end, u8::is_ascii_digit);
        if whole == 0 {
            return None;
        }
        end += whole;
        if rest.get(end) == Some(&b'.') {
            end += 1;
            end += digits(end, u8::is_ascii_digit);
        }
        if matches!(rest.get(end..), Some([b'e' | b'E', b'+' | b'-', ..])) {
            let exponent = digits(end + 2, u8::is_ascii_digit);
            if exponent > 0 {
                end += 2 + exponent;
            }
        }
        self.at += end;
        Some(&rest[..end])
    }
}

fn word(text: &[u8]) -> Option<&str> {
    text.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let length = text
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .unwrap_or(text.len());
    std::str::from_utf8(&text[..length]).ok()
}
