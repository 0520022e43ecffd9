//! JSON that is safe to print in a terminal: control characters and characters that hide text are
//! escaped. Parsers read the same text.

use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::text::is_hidden;

/// Writes `value` as indented JSON with a line end.
pub(crate) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Guarded::default());
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// The same on one line.
pub(crate) fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    write(value, &mut text)?;
    // Strings contain no line ends, so all of these are the formatter's.
    for part in text.split(|byte| *byte == b'\n') {
        out.write_all(part.trim_ascii_start())?;
    }
    out.write_all(b"\n")
}

/// Number of elements per task, and of tasks whose output is buffered.
const PART: usize = 128;
const PARTS: usize = 8;

/// Like [`write`], for a document whose empty list `field` is filled with elements that are
/// converted and rendered in parallel.
pub(crate) fn write_with<'a, T: Sync, S: Serialize>(
    document: &impl Serialize,
    field: &str,
    items: &'a [T],
    make: impl Fn(&'a T) -> S + Sync,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut around = Vec::new();
    write(document, &mut around)?;
    // Strings contain no line ends, so this is the field and not one nested deeper.
    let start = format!("\n  \"{field}\": [");
    let around = String::from_utf8(around).map_err(io::Error::other)?;
    let missing = || io::Error::other(format!("the document has no list `{field}`"));
    let at = around.find(&start).ok_or_else(missing)? + start.len();
    let (before, after) = around.split_at(at);
    let render = |part: &'a [T]| {
        let mut text = Vec::with_capacity(part.len() * 1024);
        for item in part {
            text.extend_from_slice(b",\n    ");
            let formatter = Guarded { depth: 2, filled: false };
            let mut serializer = Serializer::with_formatter(&mut text, formatter);
            make(item).serialize(&mut serializer)?;
        }
        Ok::<_, io::Error>(text)
    };
    out.write_all(before.as_bytes())?;
    let mut comma = 1;
    for items in items.chunks(PART * PARTS) {
        let parts: Vec<_> = items.par_chunks(PART).with_max_len(1).map(render).collect();
        for part in parts {
            // The very first element has no comma before it.
            out.write_all(&part?[std::mem::take(&mut comma)..])?;
        }
    }
    if !items.is_empty() {
        out.write_all(b"\n  ")?;
    }
    out.write_all(after.as_bytes())
}

/// Like `serde_json::ser::PrettyFormatter`, with one write per start of a line.
#[derive(Default)]
struct Guarded {
    /// The number of open lists and objects.
    depth: usize,
    /// Whether the innermost one is not empty.
    filled: bool,
}

impl Guarded {
    fn open<W: ?Sized + Write>(&mut self, mark: &[u8], out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(mark)
    }

    fn line<W: ?Sized + Write>(&self, first: bool, out: &mut W) -> io::Result<()> {
        const LINE: &[u8; 34] = b",\n                                ";
        let (from, indent) = (usize::from(first), 2 * self.depth);
        match LINE.get(from..indent + 2) {
            Some(line) => out.write_all(line),
            None => {
                out.write_all(&LINE[from..2])?;
                (0..indent).try_for_each(|_| out.write_all(b" "))
            }
        }
    }

    fn close<W: ?Sized + Write>(&mut self, mark: &[u8], out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.filled {
            self.line(true, out)?;
        }
        self.filled = true;
        out.write_all(mark)
    }
}

impl Formatter for Guarded {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(b"[", out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(b"]", out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(first, out)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(b"{", out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(b"}", out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(first, out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Of the ASCII characters that JSON does not escape, only DEL is hidden.
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return out.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn elements_rendered_apart_give_the_same_text() {
        for count in [0, 1, 2, super::PART, super::PART * super::PARTS * 2 + 1] {
            let items: Vec<usize> = (0..count).collect();
            let make = |i: &usize| BTreeMap::from([("i", vec![i.to_string(); i % 3])]);
            let document = |list: Vec<_>| {
                let inner = BTreeMap::from([("list", Vec::<u8>::new())]);
                serde_json::json!({ "a": inner, "list": list, "z": "\n  \"list\": [" })
            };
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            super::write(&document(items.iter().map(make).collect()), &mut whole).unwrap();
            super::write_with(&document(Vec::new()), "list", &items, make, &mut parts).unwrap();
            assert!(whole == parts, "{count}");
            let value = document(items.iter().map(make).collect());
            let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
            assert!(String::from_utf8(whole).unwrap() == pretty, "{count}");
        }
    }

    #[test]
    fn deep_and_empty_values_stand_as_anywhere() {
        let mut value = serde_json::json!({ "a": [], "b": {}, "c": [{}, [], [1, null, true]] });
        for _ in 0..20 {
            value = serde_json::json!([{}, { "k": value, "l": [] }]);
        }
        let mut out = Vec::new();
        super::write(&value, &mut out).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert_eq!(String::from_utf8(out).unwrap(), pretty);
    }

    #[test]
    fn hidden_characters_are_escaped_and_come_back() {
        let text = "a\u{9b}31m b\u{202e}c \u{1b}[2J \u{e0041} ü 宽";
        let mut out = Vec::new();
        super::write(&text, &mut out).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, "\"a\\u009b31m b\\u202ec \\u001b[2J \\udb40\\udc41 ü 宽\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
