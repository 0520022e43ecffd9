//! Scanning of scalars: quoted, plain and block.

use super::{Kind, Scan, Scanner, SyntaxError, Token};
use crate::arena::Form;
use crate::chars::{is_blank, is_blankz, is_break_at, spaces};

/// Bytes that may end a run of a plain scalar. The last row applies only in flow context.
const MAY_END_PLAIN: [bool; 256] = table(
    b" \t\n\r:\xC2\xE2\
      ,?[]{}",
);

/// Bytes of a quoted text that need handling.
const MAY_END_QUOTED: [bool; 256] = table(b"'\"\\\n\r\xC2\xE2");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut has = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        has[bytes[i] as usize] = true;
        i += 1;
    }
    has
}

impl Scanner<'_> {
    pub(super) fn fetch_quoted(&mut self, single: bool) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.pos;
        self.pos += 1;
        let mut exact = true;
        let quote = if single { b'\'' } else { b'"' };
        loop {
            if self.pos >= self.end {
                return Err(SyntaxError::new(start, "a quoted scalar is not terminated"));
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
                let rest = &self.text[self.pos + 1..];
                let plain = rest.iter().take_while(|c| !MAY_END_QUOTED[usize::from(**c)]);
                self.pos += 1 + plain.count();
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
            let message = "a quoted scalar contains a document indicator";
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

    pub(super) fn fetch_plain(&mut self) -> Scan<()> {
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
                if c == b' ' {
                    self.pos += spaces(&self.text[self.pos..]);
                } else if c == b'\t' {
                    if after_break && self.column() < indent {
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
        let (text, mut at) = (self.text, self.pos);
        while let Some(&c) = text.get(at) {
            let stop = MAY_END_PLAIN[usize::from(c)]
                && match c {
                    // Most blanks are single ones between two words.
                    b' ' => text
                        .get(at + 1)
                        .is_none_or(|&next| next == b'#' || MAY_END_PLAIN[usize::from(next)]),
                    b'\t' | b'\n' | b'\r' => true,
                    b':' => is_blankz(text, at + 1),
                    0xC2 | 0xE2 => is_break_at(text, at),
                    _ => flow,
                };
            if stop {
                break;
            }
            at += 1;
        }
        self.pos = at;
    }

    pub(super) fn fetch_block_scalar(&mut self, literal: bool) -> Scan<()> {
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
            self.skip_to_line_end();
            self.skip_line();
            end = self.skip_block_breaks(&mut indent, start)?;
        }
        let kind = Kind::Scalar(if literal { Form::Literal } else { Form::BlockFolded });
        let token =
            Token { kind, start: start as u32, end: end as u32, indent: indent.unsigned_abs() };
        self.tokens.push(token);
        Ok(())
    }

    /// Skips blank lines and the indentation of the next line. Returns the end of the last break.
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
    /// `-1` strips, `0` clips, `1` keeps trailing line breaks.
    pub chomping: i32,
    /// The explicit indentation, or 0.
    pub increment: i32,
    /// The offset after the indicators.
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
