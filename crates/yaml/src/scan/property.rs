//! Properties before a node: anchors, aliases, tags; and directives.

use super::{Kind, Scan, Scanner, SyntaxError};
use crate::chars::{is_blank, is_blankz, is_break_at};

impl Scanner<'_> {
    pub(super) fn fetch_directive(&mut self) -> Scan<()> {
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

    pub(super) fn fetch_anchor(&mut self, kind: Kind) -> Scan<()> {
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

    pub(super) fn fetch_tag(&mut self) -> Scan<()> {
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
            match uri_char(&self.text[self.pos..]) {
                Some(0) => return Ok(self.pos - start),
                Some(length) => self.pos += length,
                None => {
                    let message = "an escape in a URI is not UTF-8: `%` and two hexadecimal \
                                   digits each";
                    return Err(SyntaxError::new(self.pos, message));
                }
            }
        }
    }
}

/// Whether the line is `%YAML 1.1` or `%TAG !handle! prefix`, with an optional comment.
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
                && words.next().is_some_and(is_all_uri)
        }
        _ => false,
    };
    good && words.next().is_none_or(|word| word.starts_with(b"#"))
}

fn is_all_uri(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        match uri_char(text) {
            None | Some(0) => return false,
            Some(length) => text = &text[length..],
        }
    }
    true
}

/// Returns the length in bytes of the URI character at the start of a text, including all its
/// escaped octets. 0 if there is none, `None` if the escapes are not valid UTF-8.
fn uri_char(text: &[u8]) -> Option<usize> {
    match text.first() {
        Some(b'%') => {}
        Some(c) if is_word(*c) || b";/?:@&=+$,.!~*'()[]".contains(c) => return Some(1),
        _ => return Some(0),
    }
    let octet = |nth: usize| {
        let digits = text.get(3 * nth..3 * nth + 3)?.strip_prefix(b"%")?;
        let hex = digits.iter().all(u8::is_ascii_hexdigit);
        u8::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| hex)?, 16).ok()
    };
    let octets = match octet(0)? {
        0..0x80 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF8 => 4,
        _ => return None,
    };
    (1..octets).all(|nth| octet(nth).is_some_and(|o| o & 0xC0 == 0x80)).then_some(3 * octets)
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_uris_are_utf8() {
        let cases: [(&str, Option<usize>); 9] = [
            ("a%20", Some(1)),
            ("%20a", Some(3)),
            ("%c3%A9a", Some(6)),
            ("%x", None),
            ("%2", None),
            ("%c3%20", None),
            ("%a9", None),
            (" a", Some(0)),
            ("", Some(0)),
        ];
        for (text, expect) in cases {
            assert_eq!(uri_char(text.as_bytes()), expect, "{text}");
        }
        for (line, good) in [
            ("%TAG ! tag:x.y,2000:%2f", true),
            ("%TAG ! tag:%x,2000:", false),
            ("%TAG !a! tag:é", false),
            ("%YAML 1.1 # c", true),
        ] {
            assert_eq!(is_directive(line.as_bytes()), good, "{line}");
        }
    }
}
