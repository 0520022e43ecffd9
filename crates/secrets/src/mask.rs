//! Locates secrets in texts for display.
//!
//! [`mask`] reads a sentence (messages, paths, notes). [`places`] reads a whole file, in which a
//! value may be a secret because of its context: the name on the line above, the kind of the
//! object, the flag before it. Both hide more than the checks report, because a default password or
//! an example may be in use, and hiding a harmless value costs little. Files are read line by line,
//! so that secrets are hidden even in a text that cannot be parsed.
//!
//! Out of scope: rendering of lines (`report`).

mod forms;
mod list;

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::text::{is_comment, is_map, masked_value, signs};
use super::values;

pub use list::mask_words;

/// The replacement for a secret. It does not reveal the secret's length.
pub const MASK: &str = "••••";

/// Replaces each secret in a sentence or a single value with [`MASK`].
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut reader = Reader::default();
    reader.words(text, 0);
    reader.sentence(text, 0);
    replaced(text, reader.finish())
}

fn replaced(text: &str, places: Vec<Range<usize>>) -> Cow<'_, str> {
    if places.is_empty() {
        return text.into();
    }
    let (mut masked, mut from) = (String::with_capacity(text.len()), 0);
    for place in places {
        masked.push_str(&text[from..place.start]);
        masked.push_str(MASK);
        from = place.end;
    }
    masked.push_str(&text[from..]);
    masked.into()
}

/// Returns the value of a field for display: unchanged, partly masked, or [`MASK`] if the path
/// suggests a secret.
pub fn mask_field<'t>(path: &str, value: &'t str) -> Cow<'t, str> {
    let name = path.strip_suffix(".value").and_then(|path| path.rsplit_once("name="));
    let name = name.map(|(_, name)| name.trim_end_matches(']'));
    let last = name.or_else(|| path.rsplit(['.', '[', ']']).find(|part| !part.is_empty()));
    match last.is_some_and(is_telling) && !is_harmless(value) {
        true => MASK.into(),
        // The value may be a whole file.
        false => replaced(value, places(value)),
    }
}

/// Returns the byte ranges of the secrets in a file, ordered and disjoint.
pub fn places(text: &str) -> Vec<Range<usize>> {
    let mut reader = Reader::default();
    let mut start = 0;
    let mut end_of_document = 0;
    for line in text.split_inclusive('\n') {
        if start >= end_of_document || line.starts_with("---") {
            let rest = &text[start..];
            let next = rest.get(3..).and_then(|rest| rest.find("\n---"));
            end_of_document = start + next.map_or(rest.len(), |at| at + 4);
            reader.document(&text[start..end_of_document]);
        }
        reader.line(line.trim_end_matches(['\n', '\r']), start);
        start += line.len();
    }
    reader.finish()
}

/// Whether a setting with that name contains or may contain a secret.
fn is_telling(name: &str) -> bool {
    const MORE: [&str; 15] = [
        "auth",
        "_auth",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "sig",
        "signature",
        "client-key-data",
        "id-token",
        "refresh-token",
        "pwd",
        "pass",
        "dsn",
        "salt",
    ];
    super::is_telling(name) || MORE.iter().any(|more| name.eq_ignore_ascii_case(more))
}

/// Whether a value under a sensitive name is not a secret: a switch, a template, a path.
fn is_harmless(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'', ',']);
    let wrapped = |open: &str, close: char| value.starts_with(open) && value.ends_with(close);
    let whole = |open, close| wrapped(open, close) && value.matches(open).count() == 1;
    let variable = value.strip_prefix('$').is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    let is_step = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/._-".contains(&b);
    let path = value.starts_with('/') && value.matches('/').count() > 1;
    // The header of a block scalar.
    let indicator = value.starts_with(['|', '>']) && value.len() < 4;
    // The settings in a map are checked individually.
    value.is_empty()
        || is_map(value)
        || indicator
        || values::is_switch(value)
        || values::is_constant(value)
        || variable
        || whole("$(", ')')
        || whole("${", '}')
        || whole("<", '>')
        || wrapped("{{", '}')
        || path && value.bytes().all(is_step) && !values::looks_random(value)
}

/// Why the following lines are hidden.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// A block scalar under a sensitive name: all of it is a secret.
    Text,
    /// Like `Text`, unless it turns out to be a map.
    Value,
    /// The entries of a Secret, with the column of their keys.
    Entries(Option<usize>),
}

#[derive(Default)]
struct Reader {
    found: Vec<Range<usize>>,
    /// Whether the document is or contains a Secret.
    of_secret: bool,
    /// The block of lines indented further than this column.
    block: Option<(usize, Block)>,
    /// Inside a private key.
    key: bool,
    /// Whether the `name` next to a `value` is sensitive.
    named: bool,
    /// A `value` whose `name` was not seen yet.
    value: Option<Range<usize>>,
    /// What the previous words imply for the next one.
    command: forms::Command,
}

impl Reader {
    fn finish(mut self) -> Vec<Range<usize>> {
        self.found.retain(|place| !place.is_empty());
        self.found.sort_by_key(|place| (place.start, place.end));
        let mut places: Vec<Range<usize>> = Vec::with_capacity(self.found.len());
        for place in self.found {
            match places.last_mut().filter(|last| place.start <= last.end) {
                Some(last) => last.end = last.end.max(place.end),
                None => places.push(place),
            }
        }
        places
    }

    fn document(&mut self, text: &str) {
        *self = Self { found: std::mem::take(&mut self.found), ..Self::default() };
        self.of_secret = text.match_indices("kind").any(|(at, word)| {
            let rest = text[at + word.len()..].trim_start_matches(['"', '\'', ' ']);
            let rest = rest.strip_prefix(':').unwrap_or("").trim_start_matches([' ', '"', '\'']);
            rest.strip_prefix("Secret").is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
            })
        });
    }

    /// Reads a line that starts at `at`.
    fn line(&mut self, line: &str, at: usize) {
        let mut body = line.trim_start_matches([' ', '\t']);
        if body.is_empty() {
            return;
        }
        let (mut column, mut at) = (line.len() - body.len(), at + line.len() - body.len());
        if self.private_key(body, at) || self.in_block(body, column, at) {
            return;
        }
        while let Some(item) = body.strip_prefix("- ") {
            let inner = item.trim_start_matches(' ');
            (self.named, self.value) = (false, None);
            column += body.len() - inner.len();
            at += body.len() - inner.len();
            body = inner;
        }
        let comment = comment(body);
        if let Some(start) = comment {
            self.comment(&body[start..], at + start);
        }
        let code = body[..comment.unwrap_or(body.len())].trim_end();
        self.entry(code, column, at);
        self.words(code, at);
        self.sentence(code, at);
        self.random(code, at);
    }

    /// Hides the lines of a private key. Returns whether the line contains nothing else.
    fn private_key(&mut self, body: &str, at: usize) -> bool {
        let end = body.find("-----END");
        if self.key {
            self.found.push(at..at + end.unwrap_or(body.len()));
            self.key = end.is_none();
            return true;
        }
        let Some(begin) = body.find("-----BEGIN ") else { return false };
        if body[begin..].contains("PRIVATE KEY") {
            let end = end.filter(|end| *end > begin);
            self.found.push(at + begin..at + end.unwrap_or(body.len()));
            self.key = end.is_none();
        }
        false
    }

    /// Hides the line if it is part of a hidden block. Returns whether it was.
    fn in_block(&mut self, body: &str, column: usize, at: usize) -> bool {
        let Some((outer, block)) = self.block else { return false };
        if column <= outer && !(column == outer && body.starts_with("- ")) || body == "}" {
            self.block = None;
            return false;
        }
        let whole = at..at + body.len();
        match block {
            Block::Text => self.found.push(whole),
            Block::Value => {
                let inner = body.trim_start_matches("- ");
                let quoted = inner.starts_with(['"', '\'']);
                if key(inner).is_some() || !quoted && (is_map(inner) || inner.starts_with('[')) {
                    self.block = None;
                    return false;
                }
                self.found.push(whole.end - inner.len()..whole.end);
            }
            Block::Entries(keys) => match key(body).filter(|_| keys.is_none_or(|k| column <= k)) {
                Some(value) => {
                    self.block = Some((outer, Block::Entries(Some(column))));
                    let text = &body[value..];
                    if !is_indicator(text) {
                        self.found.push(at + value..at + value + text.trim_end_matches(',').len());
                    }
                    // The key may be a secret too.
                    self.sentence(&body[..value], at);
                }
                None if body.starts_with('#') => self.comment(body, at),
                None => self.found.push(whole),
            },
        }
        true
    }

    /// Reads a line that begins with a key, with its whole value and the lines below.
    fn entry(&mut self, code: &str, column: usize, at: usize) {
        // `ENV NAME value` of a Dockerfile.
        if let Some((word, rest)) = code.split_once(' ')
            && (word.eq_ignore_ascii_case("ENV") || word.eq_ignore_ascii_case("ARG"))
            && let Some((name, value)) = rest.trim_start().split_once(' ')
            && is_telling(name)
        {
            self.found.push(at + code.len() - value.len()..at + code.len());
        }
        let Some(start) = key(code) else { return };
        let name = code[..start].trim_end_matches([' ', '\t', ':']).trim_matches(['"', '\'']);
        let value = without_properties(&code[start..]);
        let start = code.len() - value.len();
        if self.of_secret && matches!(name, "data" | "stringData") {
            match value.starts_with('{') && value.len() > 1 {
                true => self.found.push(at + start..at + code.len()),
                false => self.block = Some((column, Block::Entries(None))),
            }
        } else if is_telling(name) || name == "value" && self.named {
            if matches!(value.as_bytes().first(), Some(b'|' | b'>')) {
                self.block = Some((column, Block::Text));
            } else if value.is_empty() {
                self.block = Some((column, Block::Value));
            } else if !value.starts_with(['[', '*']) && !is_harmless(value) {
                self.found.push(at + start..at + start + value.trim_end_matches(',').len());
                // A quoted text may continue below.
                self.block = Some((column, Block::Value));
            }
        }
    }

    /// Reads settings and tokens in a line of text.
    fn sentence(&mut self, text: &str, at: usize) {
        forms::find(text, &mut |place| self.found.push(at + place.start..at + place.end));
        let (mut last, mut hidden) = (0, 0);
        // The end of the last word, cached: a line may be one word of megabytes.
        let word = Cell::new(0..0);
        signs(text, &mut |name_at, name, sep| {
            // Part of a value that is already hidden: a line may be one such value.
            if at + sep < hidden {
                return;
            }
            if text[last..name_at.max(last)].contains(['{', '}']) {
                (self.named, self.value) = (false, None);
            }
            last = sep;
            let rest = &text[sep + 1..];
            let colon = text[sep..].starts_with(':');
            let may_be_prose = colon && (rest.starts_with(' ') || text[..sep].ends_with(' '));
            let tail = match colon && rest.starts_with(' ') {
                true => without_properties(rest.trim_start_matches(' ')),
                false => rest,
            };
            let in_query = text[..name_at].ends_with(['?', '&']);
            let place = |value: &str| {
                let start = at + value.as_ptr().addr() - text.as_ptr().addr();
                let behind = &text[start - at + value.len()..];
                // Text after a comma, `;` or `&` may be part of a password.
                let quoted = tail.trim_start_matches(' ').starts_with(['"', '\'', '\\']);
                let ends = |c: char| c.is_whitespace() || "\"'`}".contains(c);
                let from = start - at + value.len();
                let known = word.take();
                let end = match quoted {
                    true => from,
                    false if known.contains(&from) => known.end,
                    false => from + behind.find(ends).unwrap_or(behind.len()),
                };
                word.set(if quoted { known } else { from..end });
                let value = &text[start - at..end];
                // Trailing separators are not part of the value.
                start..start + value.trim_end_matches([',', ';', ']', ')']).len()
            };
            let entries = self.of_secret && matches!(name, "data" | "stringData");
            if entries && rest.trim_start().starts_with('{') {
                hidden = at + sep + 1 + rest.find('}').unwrap_or(rest.len());
                self.found.push(at + sep + 2 + rest.find('{').unwrap_or(0)..hidden);
            } else if is_telling(name) || in_query && name == "key" {
                let header = name.to_ascii_lowercase().ends_with("authorization");
                let value = match header {
                    true => {
                        let value = tail.trim_start_matches([' ', '"', '\'', '\\']);
                        Some(&value[..value.find(['"', '\'', '`', '\\']).unwrap_or(value.len())])
                    }
                    false => masked_value(tail, may_be_prose),
                };
                if let Some(value) = value.filter(|value| !is_harmless(value)) {
                    let place = place(value);
                    hidden = place.end;
                    self.found.push(place);
                }
            } else if matches!(name, "name" | "key") {
                self.named = masked_value(tail, false).is_some_and(is_telling);
                if let Some(value) = self.value.take().filter(|_| self.named) {
                    self.found.push(value);
                }
            } else if name == "value"
                && let Some(value) = masked_value(tail, false)
                && !is_harmless(value)
            {
                let place = place(value);
                match self.named {
                    true => {
                        hidden = place.end;
                        self.found.push(place);
                    }
                    false => self.value = Some(place),
                }
            }
        });
    }

    /// Reads the words of a command line, which continues on the next line.
    fn words(&mut self, text: &str, at: usize) {
        for (start, word) in forms::words(text) {
            if let Some(place) = self.command.next(word) {
                self.found.push(at + start + place.start..at + start + place.end);
            }
        }
    }

    /// Hides random words. Digests and checksums are public.
    fn random(&mut self, code: &str, at: usize) {
        for (start, word) in forms::words(code) {
            // Padding is part of the value.
            let body = word.trim_end_matches('=');
            let value = body.split_once(['=', ':']).map_or(body, |(_, value)| value);
            let last = value.rsplit(['=', ':', '/', '@']).next().unwrap_or(value);
            let digest = ["sha256-", "sha384-", "sha512-"];
            let public = code[..start].ends_with([':', '@'])
                || digest.iter().any(|name| value.starts_with(name));
            let is_random = |part: &str| {
                let hex = part.bytes().all(|b| b.is_ascii_hexdigit()) && word.contains("sha");
                !hex && (20..=4096).contains(&part.len()) && values::looks_random(part)
            };
            // Base64 contains slashes too. A URL begins with two.
            let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/_-".contains(&b);
            let base64 = value.bytes().all(is_base64) && !value.starts_with("//");
            let whole = Some(value).filter(|value| base64 && is_random(value));
            if !public && let Some(part) = whole.or(Some(last).filter(|last| is_random(last))) {
                let end = at + start + word.len();
                self.found.push(end - (word.len() - body.len()) - part.len()..end);
            }
        }
    }

    /// Hides a comment that mentions credentials completely.
    fn comment(&mut self, comment: &str, at: usize) {
        const TELLING: [&str; 10] = [
            "pass",
            "pwd",
            "secret",
            "token",
            "credential",
            "apikey",
            "api key",
            "login",
            "auth",
            "private key",
        ];
        let text = comment.trim_start_matches(['#', ' ', '/', ';']);
        let lower = text.to_ascii_lowercase();
        // An exception contains the name of a check and a reason.
        if !lower.starts_with("pavisade") && TELLING.iter().any(|word| lower.contains(word)) {
            let end = at + comment.len();
            self.found.push(end - text.len()..end);
        }
        self.sentence(comment, at);
        self.random(comment, at);
    }
}

/// Returns where the value starts in a line that begins with a key, such as `name: value`.
fn key(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let colon = match quote {
        Some(quote) => 2 + text[1..].find(quote)?,
        None => text.find(|c: char| c == ':' || c.is_whitespace())?,
    };
    let rest = text.get(colon..)?.strip_prefix(':')?;
    let value = rest.trim_start_matches([' ', '\t']);
    (rest.is_empty() || value.len() < rest.len()).then_some(text.len() - value.len())
}

/// Returns the value without its anchor and tag.
fn without_properties(mut value: &str) -> &str {
    while value.starts_with(['&', '!']) {
        let end = value.find([' ', '\t']).unwrap_or(value.len());
        value = value[end..].trim_start_matches([' ', '\t']);
    }
    value
}

/// Whether the value is the header of a block scalar.
fn is_indicator(value: &str) -> bool {
    matches!(value.as_bytes().first(), None | Some(b'|' | b'>'))
}

/// Returns where the comment starts in a line.
fn comment(body: &str) -> Option<usize> {
    if is_comment(body) {
        return Some(0);
    }
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in body.char_indices() {
        match (quote, c) {
            (None, '#') if before == ' ' || before == '\t' => return Some(at),
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (Some(open), c) if c == open && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests;
