//! Decoding of scalar tokens, on demand.

use crate::arena::Form;
use crate::chars::{break_len, is_blank, is_break_at};
use crate::scan::BlockHeader;

/// Returns the text of the scalar `raw`, which includes quotes or header and was accepted by the
/// scanner.
pub(crate) fn scalar(raw: &str, form: Form, indent: u32) -> String {
    match form {
        Form::Exact | Form::Side => raw.to_owned(),
        Form::QuotedExact => raw[1..raw.len() - 1].to_owned(),
        Form::Folded => flow(raw, b'\0'),
        Form::Single => flow(&raw[1..raw.len() - 1], b'\''),
        Form::Double => flow(&raw[1..raw.len() - 1], b'"'),
        Form::Literal => block(raw, true, indent as usize),
        Form::BlockFolded => block(raw, false, indent as usize),
        Form::Json => crate::json::unescape(&raw[1..raw.len() - 1]),
    }
}

/// Whether the scalar's text equals `text`, which has no escapes or breaks.
pub(crate) fn scalar_is(raw: &str, form: Form, text: &str) -> bool {
    match form {
        Form::Exact => raw == text,
        _ => scalar(raw, form, 0) == text,
    }
}

/// Appends a line break: every kind of newline becomes `\n`; LS and PS are kept.
fn push_break(out: &mut String, text: &str, at: usize) -> usize {
    let length = break_len(text.as_bytes(), at);
    match length {
        3 => out.push_str(&text[at..at + 3]),
        _ => out.push('\n'),
    }
    length
}

fn flow(text: &str, quote: u8) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut first, mut more) = (String::new(), String::new());
    let mut pos = 0;
    while pos < bytes.len() {
        // Characters that are not blank.
        let mut escaped_break = false;
        while pos < bytes.len() && !is_blank(bytes[pos]) && !is_break_at(bytes, pos) {
            match bytes[pos] {
                b'\'' if quote == b'\'' => {
                    out.push('\'');
                    pos += 2;
                }
                b'\\' if quote == b'"' => {
                    if is_break_at(bytes, pos + 1) {
                        pos += 1 + break_len(bytes, pos + 1);
                        escaped_break = true;
                        break;
                    }
                    pos += escape(&mut out, text, pos);
                }
                _ => {
                    let run = pos;
                    pos += 1;
                    while pos < bytes.len()
                        && !is_blank(bytes[pos])
                        && !is_break_at(bytes, pos)
                        && bytes[pos] != quote
                        && (bytes[pos] != b'\\' || quote != b'"')
                    {
                        pos += 1;
                    }
                    out.push_str(&text[run..pos]);
                }
            }
        }
        // Blanks and breaks up to the next run of text.
        let blanks = pos;
        let mut folded = escaped_break;
        first.clear();
        more.clear();
        while pos < bytes.len() && (is_blank(bytes[pos]) || is_break_at(bytes, pos)) {
            if is_blank(bytes[pos]) {
                pos += 1;
            } else if folded {
                pos += push_break(&mut more, text, pos);
            } else {
                pos += push_break(&mut first, text, pos);
                folded = true;
            }
        }
        if !folded {
            out.push_str(&text[blanks..pos]);
        } else if first.starts_with('\n') {
            out.push_str(if more.is_empty() { " " } else { &more });
        } else {
            out.push_str(&first);
            out.push_str(&more);
        }
    }
    out
}

/// Appends the character of the escape at `at`. Returns the length of the escape in the text.
fn escape(out: &mut String, text: &str, at: usize) -> usize {
    let (digits, plain) = match text.as_bytes()[at + 1] {
        b'0' => (0, '\0'),
        b'a' => (0, '\x07'),
        b'b' => (0, '\x08'),
        b't' | b'\t' => (0, '\t'),
        b'n' => (0, '\n'),
        b'v' => (0, '\x0B'),
        b'f' => (0, '\x0C'),
        b'r' => (0, '\r'),
        b'e' => (0, '\x1B'),
        b'N' => (0, '\u{85}'),
        b'_' => (0, '\u{A0}'),
        b'L' => (0, '\u{2028}'),
        b'P' => (0, '\u{2029}'),
        b'x' => (2, '\0'),
        b'u' => (4, '\0'),
        b'U' => (8, '\0'),
        other => (0, char::from(other)),
    };
    let code = u32::from_str_radix(&text[at + 2..at + 2 + digits], 16).ok();
    out.push(match digits {
        0 => plain,
        _ => code.and_then(char::from_u32).unwrap_or('\u{FFFD}'),
    });
    2 + digits
}

fn block(raw: &str, literal: bool, indent: usize) -> String {
    let bytes = raw.as_bytes();
    let Ok(header) = BlockHeader::read(bytes, 0) else { return String::new() };
    let mut pos = header.end;
    while pos < bytes.len() && !is_break_at(bytes, pos) {
        pos += 1;
    }
    pos += break_len(bytes, pos);

    let mut out = String::with_capacity(raw.len());
    let (mut line_break, mut more) = (String::new(), String::new());
    let mut after_blank = false;
    skip_block_breaks(raw, &mut pos, indent, &mut more);
    while pos < bytes.len() {
        let blank = is_blank(bytes[pos]);
        if !literal && !after_blank && !blank && line_break.starts_with('\n') {
            if more.is_empty() {
                out.push(' ');
            }
        } else {
            out.push_str(&line_break);
        }
        out.push_str(&more);
        line_break.clear();
        more.clear();
        after_blank = blank;
        let line = pos;
        while pos < bytes.len() && !is_break_at(bytes, pos) {
            pos += 1;
        }
        out.push_str(&raw[line..pos]);
        if pos < bytes.len() {
            pos += push_break(&mut line_break, raw, pos);
        }
        skip_block_breaks(raw, &mut pos, indent, &mut more);
    }
    if header.chomping != -1 {
        out.push_str(&line_break);
    }
    if header.chomping == 1 {
        out.push_str(&more);
    }
    out
}

fn skip_block_breaks(raw: &str, pos: &mut usize, indent: usize, more: &mut String) {
    let bytes = raw.as_bytes();
    loop {
        let line = *pos;
        while *pos - line < indent && bytes.get(*pos) == Some(&b' ') {
            *pos += 1;
        }
        if !is_break_at(bytes, *pos) {
            return;
        }
        *pos += push_break(more, raw, *pos);
    }
}
