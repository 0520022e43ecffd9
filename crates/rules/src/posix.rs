//! Regular expressions in RE2's POSIX syntax that match the whole text.
//!
//! Falco compiles with `RE2::POSIX`: no Perl classes, no flags, no lazy repetition, and
//! leftmost-longest matching, which makes no difference for whole-text matches. This module parses
//! that syntax and writes it in an equivalent form for the `regex` crate.

use std::fmt::Write as _;

use regex::bytes::{Regex, RegexBuilder};

use crate::glob::named;

/// The largest repetition count (`a{1001}` is invalid), as in RE2.
const MAX_REPEAT: u32 = 1000;
const MAX_DEPTH: usize = 100;
/// The largest compiled expression in bytes.
const MAX_BYTES: usize = 4 << 20;

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn compile(pattern: &[u8]) -> Result<Regex, String> {
    let pattern = std::str::from_utf8(pattern)
        .map_err(|_| "invalid regular expression: it is not UTF-8".to_owned())?;
    let mut reader =
        Reader { chars: pattern.chars().collect(), at: 0, out: String::new(), depth: 0 };
    reader
        .alternatives()
        .map_err(|why| format!("invalid regular expression {pattern:?}: {why}"))?;
    if reader.at < reader.chars.len() {
        return Err(format!("invalid regular expression {pattern:?}: unexpected )"));
    }
    RegexBuilder::new(&format!("\\A(?:{})\\z", reader.out))
        .size_limit(MAX_BYTES)
        .multi_line(true)
        .build()
        .map_err(|error| format!("invalid regular expression {pattern:?}: {error}"))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    out: String,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too deep".into());
        }
        loop {
            while !matches!(self.peek(), None | Some('|' | ')')) {
                self.repeated()?;
            }
            if !self.take('|') {
                break;
            }
            self.out.push('|');
        }
        self.depth -= 1;
        Ok(())
    }

    /// Parses an atom with its repetitions.
    fn repeated(&mut self) -> Result<(), String> {
        let start = self.out.len();
        self.atom()?;
        let mut repeated = false;
        while let Some(operator) = self.repetition()? {
            if repeated {
                return Err("bad repetition operator".into());
            }
            repeated = true;
            self.out.insert_str(start, "(?:");
            self.out.push(')');
            self.out.push_str(&operator);
        }
        Ok(())
    }

    fn repetition(&mut self) -> Result<Option<String>, String> {
        if let Some(operator @ ('*' | '+' | '?')) = self.peek() {
            self.at += 1;
            return Ok(Some(operator.into()));
        }
        let before = self.at;
        if !self.take('{') {
            return Ok(None);
        }
        // A brace that is not a repetition is a literal.
        match self.counts() {
            Some((least, most)) => {
                let most_number = most.unwrap_or(least);
                if least.max(most_number) > MAX_REPEAT || most_number < least {
                    return Err("invalid repetition size".into());
                }
                Ok(Some(match most {
                    Some(most) => format!("{{{least},{most}}}"),
                    None => format!("{{{least},}}"),
                }))
            }
            None => {
                self.at = before;
                Ok(None)
            }
        }
    }

    /// Parses `2}`, `2,}` or `2,3}` after the brace.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let least = self.number()?;
        let most = if self.take(',') {
            if self.peek() == Some('}') { None } else { Some(self.number()?) }
        } else {
            Some(least)
        };
        self.take('}').then_some((least, most))
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        let mut number = 0_u32;
        while let Some(digit) = self.peek().and_then(|char| char.to_digit(10)) {
            number = number.saturating_mul(10).saturating_add(digit);
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }

    fn atom(&mut self) -> Result<(), String> {
        let Some(char) = self.peek() else { return Ok(()) };
        self.at += 1;
        match char {
            '(' => {
                if self.peek() == Some('?') {
                    return Err("no argument for repetition operator: ?".into());
                }
                self.out.push_str("(?:");
                self.alternatives()?;
                if !self.take(')') {
                    return Err("missing )".into());
                }
                self.out.push(')');
            }
            '*' | '+' | '?' => {
                return Err(format!("no argument for repetition operator: {char}"));
            }
            '.' | '^' | '$' => self.out.push(char),
            '[' => self.class()?,
            '\\' => {
                let char = self.escape()?;
                self.literal(char);
            }
            char => self.literal(char),
        }
        Ok(())
    }

    fn literal(&mut self, char: char) {
        self.out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
    }

    /// Parses the rest after a backslash.
    fn escape(&mut self) -> Result<char, String> {
        let char = self.peek().ok_or("trailing \\")?;
        self.at += 1;
        let code = match char {
            'a' => 0x07,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'x' => self.hex().ok_or("invalid escape sequence: \\x")?,
            '0'..='7' => self.octal(char).ok_or("invalid escape sequence: a back reference")?,
            char if char.is_ascii_punctuation() => return Ok(char),
            char => return Err(format!("invalid escape sequence: \\{char}")),
        };
        char::from_u32(code).ok_or_else(|| format!("invalid code point {code:x}"))
    }

    /// Parses `0`, `07`, `123`; a single digit other than 0 would be a back reference.
    fn octal(&mut self, first: char) -> Option<u32> {
        let mut code = first.to_digit(8)?;
        if first != '0' {
            self.peek().and_then(|char| char.to_digit(8))?;
        }
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|char| char.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.at += 1;
        }
        Some(code)
    }

    /// Parses `41` or `{10FFFF}`.
    fn hex(&mut self) -> Option<u32> {
        let braces = self.take('{');
        let (mut code, mut digits) = (0_u32, 0);
        while digits < if braces { 6 } else { 2 } {
            let Some(digit) = self.peek().and_then(|char| char.to_digit(16)) else { break };
            code = code * 16 + digit;
            digits += 1;
            self.at += 1;
        }
        let complete = if braces { digits > 0 && self.take('}') } else { digits == 2 };
        complete.then_some(code)
    }

    /// Parses the rest after `[`.
    fn class(&mut self) -> Result<(), String> {
        let negated = self.take('^');
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let first = self.at;
        loop {
            if self.at > first && self.take(']') {
                break;
            }
            if self.chars[self.at..].starts_with(&['[', ':']) {
                let name = self.class_name().ok_or("invalid character class range")?;
                let (inverted, name) = match name.strip_prefix('^') {
                    Some(name) => (true, name),
                    None => (false, name.as_str()),
                };
                let named = named(name.as_bytes()).ok_or("invalid character class range")?;
                let named = named.into_iter().map(|(low, high)| (low.into(), high.into()));
                if inverted {
                    ranges.extend(invert(named.collect()));
                } else {
                    ranges.extend(named);
                }
                continue;
            }
            let low = self.class_char()?;
            let mut high = low;
            if self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|char| *char != ']')
            {
                self.at += 1;
                high = self.class_char()?;
            }
            if high < low {
                return Err("invalid character class range".into());
            }
            ranges.push((low.into(), high.into()));
        }
        let ranges = if negated { invert(ranges) } else { ranges };
        self.out.push('[');
        for (low, high) in ranges {
            // Surrogates are not characters, so exclude them from ranges.
            for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
                if low <= high {
                    write!(self.out, "\\x{{{low:x}}}-\\x{{{high:x}}}")
                        .map_err(|e| e.to_string())?;
                }
            }
        }
        if self.out.ends_with('[') {
            // An empty class, which matches no character.
            self.out.push_str("^\\x{0}-\\x{10ffff}");
        }
        self.out.push(']');
        Ok(())
    }

    /// Parses `[:alpha:]`.
    fn class_name(&mut self) -> Option<String> {
        let rest = &self.chars[self.at + 2..];
        let length = rest.windows(2).position(|pair| pair == [':', ']'])?;
        let name = rest[..length].iter().collect();
        self.at += length + 4;
        Some(name)
    }

    fn class_char(&mut self) -> Result<char, String> {
        let char = self.peek().ok_or("missing closing ]")?;
        self.at += 1;
        if char == '\\' { self.escape() } else { Ok(char) }
    }
}

fn invert(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut inverted = Vec::new();
    let mut next = 0;
    for (low, high) in ranges {
        if low > next {
            inverted.push((next, low - 1));
        }
        next = next.max(high.saturating_add(1));
    }
    if next <= 0x0010_ffff {
        inverted.push((next, 0x0010_ffff));
    }
    inverted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_for_the_whole_text() {
        for (pattern, text, want) in [
            ("syscal.*", "syscall", true),
            ("yscal.*", "syscall", false),
            ("", "", true),
            ("", "a", false),
            ("a|bc", "bc", true),
            ("a|b", "ab", false),
            ("(ab)+", "abab", true),
            ("a{2,3}", "aaaa", false),
            ("a{,3}", "a{,3}", true),
            ("a{", "a{", true),
            ("[]a]+", "]a", true),
            ("[^]a]", "b", true),
            ("[[]", "[", true),
            ("[a&&b]+", "a&b", true),
            ("[a~~b]+", "a~b", true),
            ("[[:digit:]_-]+", "1_-", true),
            ("[[:^digit:]]+", "ab", true),
            ("[^a]", "\u{20ac}", true),
            ("\\07", "\u{7}", true),
            ("\\x41\\.", "A.", true),
            ("\\<", "<", true),
            ("/home/.*/dev", "/home/a/dev", true),
            (".", "\n", false),
        ] {
            let got = compile(pattern.as_bytes()).map(|regex| regex.is_match(text.as_bytes()));
            assert_eq!(got, Ok(want), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn what_posix_has_not_is_refused() {
        for pattern in [
            "\\d",
            "\\w",
            "\\s",
            "\\b",
            "\\A",
            "\\z",
            "\\pL",
            "(?i)a",
            "(?:a)",
            "(?P<a>b)",
            "a*?",
            "a**",
            "*a",
            "a|*",
            "(",
            ")",
            "(a",
            "a)",
            "[a",
            "[b-a]",
            "[[:foo:]]",
            "a{1001}",
            "a{2,1}",
            "\\",
            "\\1",
            "\\x4",
        ] {
            assert!(compile(pattern.as_bytes()).is_err(), "{pattern}");
        }
        assert!(compile(&b"(".repeat(10_000)).is_err());
        assert!(compile(b"((a{1000}){1000}){1000}").is_err(), "its size is bounded");
    }
}
