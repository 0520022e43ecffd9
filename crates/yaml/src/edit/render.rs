//! Renders new values as text in the style of the surrounding text.

use serde_json::Value as Json;

use crate::resolve::{self, Resolved};

/// The indentation of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The indentation of a map in a map, in columns.
    pub step: usize,
    /// The indentation of a list in a map, in columns. Often 0.
    pub list: usize,
}

/// Renders `key: value` at a column, as indented lines without the final line end.
pub(super) fn entry(key: &str, value: &Json, column: usize, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    push_entry(&mut lines, " ".repeat(column), key, value, column, layout);
    lines
}

/// Renders `- value` at a column, as indented lines without the final line end.
pub(super) fn element(value: &Json, column: usize, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    push_element(&mut lines, value, column, layout);
    lines
}

fn push_entry(
    lines: &mut Vec<String>,
    lead: String,
    key: &str,
    value: &Json,
    column: usize,
    layout: Layout,
) {
    let key = text(key);
    match value {
        Json::Object(map) if !map.is_empty() => {
            lines.push(format!("{lead}{key}:"));
            let column = column + layout.step;
            for (key, value) in map {
                push_entry(lines, " ".repeat(column), key, value, column, layout);
            }
        }
        Json::Array(list) if !list.is_empty() => {
            lines.push(format!("{lead}{key}:"));
            for value in list {
                push_element(lines, value, column + layout.list, layout);
            }
        }
        _ => lines.push(format!("{lead}{key}: {}", scalar(value))),
    }
}

fn push_element(lines: &mut Vec<String>, value: &Json, column: usize, layout: Layout) {
    let dash = format!("{}- ", " ".repeat(column));
    match value {
        Json::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                let lead = if index == 0 { dash.clone() } else { " ".repeat(column + 2) };
                push_entry(lines, lead, key, value, column + 2, layout);
            }
        }
        _ => lines.push(format!("{dash}{}", scalar(value))),
    }
}

/// Renders a value on one line, in flow style or as JSON.
pub(super) fn flow(value: &Json, json: bool) -> String {
    match value {
        Json::String(value) if !json && !value.contains(':') => text(value),
        Json::Array(list) => {
            let items: Vec<_> = list.iter().map(|value| flow(value, json)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let key = |key: &str| if json { quoted(key) } else { text(key) };
            let entries: Vec<_> =
                map.iter().map(|(k, v)| format!("{}: {}", key(k), flow(v, json))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Renders a single-line value in a block.
pub(super) fn scalar(value: &Json) -> String {
    match value {
        Json::String(value) if is_plain(value) => value.clone(),
        Json::String(value) => quoted(value),
        other => flow(other, false),
    }
}

/// Renders JSON on several lines. The first line is not indented.
pub(super) fn pretty(value: &Json, step: &str) -> String {
    let lines: Vec<_> = format!("{value:#}")
        .lines()
        .map(|line| {
            let text = line.trim_start_matches(' ');
            step.repeat((line.len() - text.len()) / 2) + text
        })
        .collect();
    lines.join("\n")
}

/// Whether a text needs no quotes in a block. Flow style has more restrictions.
fn is_plain(value: &str) -> bool {
    let mut chars = value.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
    first
        && value.chars().all(|c| c.is_ascii_graphic() || c == ' ')
        && !value.starts_with("- ")
        && !value.starts_with("--- ")
        && !["-", "---", "..."].contains(&value)
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with([':', ' '])
        && matches!(resolve::plain(value), Resolved::Text)
}

/// Renders a text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// Renders a text without quotes if YAML reads it unchanged in any context, otherwise in quotes.
pub(super) fn text(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./=@+:".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && text.chars().all(safe)
        && !text.ends_with(':')
        && !text.contains("::")
        && text != "-"
        && text != "---"
        && matches!(resolve::plain(text), Resolved::Text);
    if plain { text.to_owned() } else { quoted(text) }
}
