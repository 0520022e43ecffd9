//! Reads flags: of a command line, and kubeadm's `extraArgs`.

use std::borrow::Cow;

use pavisade_yaml::{Kind, Value};

use super::{Flag, command};

/// Compares flag names like component-base: `_` equals `-`.
pub(super) fn same_name(written: &str, name: &str) -> bool {
    written.len() == name.len()
        && written.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b'_' && b == b'-')
}

pub(super) fn command_flags<'a>(container: Value<'a>, name: &str) -> Vec<Flag<'a>> {
    let Some(command) = command::read(container) else { return Vec::new() };
    let mut found = Vec::new();
    let mut words = command.words.into_iter().peekable();
    while let Some(word) = words.next() {
        let text = trim_quotes(&word.text);
        if text == "--" {
            break;
        }
        let Some(rest) = text.strip_prefix("--").or_else(|| text.strip_prefix('-')) else {
            continue;
        };
        let (written, joined) = match rest.split_once('=') {
            Some((written, value)) => (written, Some(value)),
            None => (rest, None),
        };
        if !same_name(written, name) {
            continue;
        }
        let (value, apart) = match joined {
            Some(value) => (Cow::from(trim_quotes(value).to_owned()), false),
            None => match words.next_if(|next| !is_flag(&next.text)) {
                Some(next) => (Cow::from(trim_quotes(&next.text).to_owned()), true),
                None => (Cow::from("true"), false),
            },
        };
        found.push(Flag { value, place: word.place, apart });
    }
    found
}

/// Whether a word is a flag, and not a negative number.
pub(super) fn is_flag(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

pub(super) fn trim_quotes(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

/// Reads `extraArgs`: a map up to v1beta3, a list of names and values since v1beta4. Without a
/// value, the value is empty (kubeadm's `ArgumentsToCommand`).
pub(super) fn kubeadm_flags<'a>(arguments: Value<'a>, name: &str) -> Vec<Flag<'a>> {
    let flag = |place: Value<'a>, value: Option<Value<'a>>| {
        let value = match value.filter(|value| !value.is_null()) {
            Some(value) => value.scalar_text()?,
            None => Cow::Borrowed(""),
        };
        Some(Flag { value, place, apart: false })
    };
    if arguments.kind() == Kind::Sequence {
        let named = |item: &Value<'a>| item.str("name").is_some_and(|n| same_name(n, name));
        let found = arguments.items().filter(named).map(|item| (item, item.get("value")));
        return found.filter_map(|(item, value)| flag(value.unwrap_or(item), value)).collect();
    }
    let named = arguments.entries().filter(|(written, _)| same_name(written, name));
    named.filter_map(|(_, value)| flag(value, Some(value))).collect()
}
