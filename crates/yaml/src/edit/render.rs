//! New values as text, in the style of what is around them.

use serde_json::Value as Json;

use crate::resolve::{self, Resolved};

/// How a document indents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Columns by which a map in a map is moved in.
    pub step: usize,
    /// Columns by which a list in a map is moved in; often none.
    pub list: usize,
}

/// The lines of `key: value` at a column, each with its indent, without the last line end.
pub(super) fn entry(key: &str, value: &Json, column: usize, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    push_entry(&mut lines, " ".repeat(column), key, value, column, layout);
    lines
}

/// The lines of `- value` at a column.
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

/// A value in one line: flow style, or JSON.
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

/// What takes one line in a block.
pub(super) fn scalar(value: &Json) -> String {
    match value {
        Json::String(value) if is_plain(value) => value.clone(),
        Json::String(value) => quoted(value),
        other => flow(other, false),
    }
}

/// JSON in lines, the first without its indent.
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

/// Whether a text needs no quotes in a block: more goes there than in flow style.
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

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// A text without quotes where YAML reads it as this text wherever it stands, else in quotes.
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
