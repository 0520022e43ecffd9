//! Canonical JSON of values, used to compare them.

use std::fmt::{self, Write as _};

use crate::doc::{Kind, Value};

/// Returns the value as JSON: keys sorted, no whitespace, numbers in Go's format.
pub fn to_json(value: Value<'_>) -> String {
    enum Open<'d> {
        Sequence(std::vec::IntoIter<Value<'d>>),
        Mapping(std::vec::IntoIter<(&'d str, Value<'d>)>),
    }
    let mut out = String::new();
    let mut stack: Vec<(Open<'_>, bool)> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next.take() {
            match value.kind() {
                Kind::Null => out.push_str("null"),
                Kind::Bool => {
                    out.push_str(if value.as_bool() == Some(true) { "true" } else { "false" })
                }
                Kind::Number => {
                    let _ = value.as_number().map(|n| write!(out, "{n}"));
                }
                Kind::Text => push_string(&mut out, value.as_str().unwrap_or("")),
                Kind::Sequence => {
                    out.push('[');
                    let items: Vec<_> = value.items().collect();
                    stack.push((Open::Sequence(items.into_iter()), true));
                }
                Kind::Mapping => {
                    out.push('{');
                    let mut entries: Vec<_> = value.entries().collect();
                    entries.sort_by_key(|(key, _)| *key);
                    stack.push((Open::Mapping(entries.into_iter()), true));
                }
            }
        }
        let Some((open, first)) = stack.last_mut() else { return out };
        let comma = if std::mem::take(first) { "" } else { "," };
        match open {
            Open::Sequence(items) => match items.next() {
                Some(item) => {
                    out.push_str(comma);
                    next = Some(item);
                }
                None => {
                    out.push(']');
                    stack.pop();
                }
            },
            Open::Mapping(entries) => match entries.next() {
                Some((key, item)) => {
                    out.push_str(comma);
                    push_string(&mut out, key);
                    out.push(':');
                    next = Some(item);
                }
                None => {
                    out.push('}');
                    stack.pop();
                }
            },
        }
    }
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_json(*self))
    }
}

/// Two values are equal when kubectl would send the same JSON for them.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && to_json(*self) == to_json(*other)
    }
}
