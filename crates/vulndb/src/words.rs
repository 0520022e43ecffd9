//! Words in feeds: IDs, titles, and vendor statements about packages.

use pavisade_model::Severity;
use serde_json::{Map, Value};

use crate::database::State;
use crate::score::of_word;

/// The longest title in bytes.
const LONGEST_TITLE: usize = 200;

/// Returns whether a text consists of printable characters without spaces, safe to display and look
/// up.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) fn shorten(text: &str) -> String {
    let mut end = LONGEST_TITLE.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = text[..end].lines().next().unwrap_or_default();
    let end = if line.len() < text.len() { "…" } else { "" };
    let line: String = line.trim_end().chars().filter(|c| !c.is_control()).collect();
    line + end
}

/// Returns the severity from the fields in which feeds state it.
pub(crate) fn rating_of(object: Option<&Map<String, Value>>) -> Severity {
    let Some(object) = object else { return Severity::Unknown };
    let words = ["severity", "urgency", "ratings"].into_iter().filter_map(|key| object.get(key));
    let words = words.flat_map(|value| match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    });
    words.map(of_word).max().unwrap_or(Severity::Unknown)
}

/// The fields in which feeds state the vendor's plan for a fix.
pub(crate) const STATES: [&str; 5] = ["fix_state", "state", "status", "sub_state", "urgency"];

pub(crate) fn state_of(word: &str) -> Option<State> {
    let word = word.trim().to_lowercase().replace(['-', '_'], " ");
    Some(match word.trim_end_matches('*') {
        "not affected" | "known not affected" | "dne" => State::NotAffected,
        "end of life" | "eol" | "ignored" | "wontfix" | "won't fix" | "will not fix" => {
            State::WontFix
        }
        "affected" | "needed" | "pending" | "postponed" | "deferred" | "fix deferred"
        | "no dsa" | "open" | "active" => State::NotFixed,
        "undetermined" | "under investigation" | "needs triage" => State::Undetermined,
        // Ranges contain this.
        "fixed" | "resolved" | "released" | "not yet assigned" => State::Silent,
        rating if of_word(rating) != Severity::Unknown => State::Silent,
        _ => return None,
    })
}
