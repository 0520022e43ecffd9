//! Lock files in JSON or YAML, with line numbers.

use std::ops::Range;

use pavisade_yaml::{Doc, Kind, Source, Value};

use super::list::MAX_PROBLEMS;
use crate::contents::Problem;

/// Parses a JSON object with the workspace's own YAML parser, which tracks lines.
pub(super) fn json(text: &str, problems: &mut Vec<Problem>) -> Option<Doc> {
    let doc = yaml(text, problems).into_iter().next();
    match &doc {
        Some(doc) if !doc.is_json() => {
            problems.push(Problem::whole("it is not JSON; it was read as YAML"));
        }
        None if problems.is_empty() => problems.push(Problem::whole("it is not a JSON object")),
        _ => {}
    }
    doc
}

/// Parses YAML documents and returns those that are mappings.
pub(super) fn yaml(text: &str, problems: &mut Vec<Problem>) -> Vec<Doc> {
    let source = Source::new("", text);
    let read = pavisade_yaml::read(&source);
    let said = |note: pavisade_yaml::Note| Problem::at(source.line_at(note.span.0), note.message);
    problems.extend(read.notes.into_iter().take(MAX_PROBLEMS).map(said));
    let mut docs = read.docs;
    docs.retain(|doc| {
        let is_mapping = doc.root().kind() == Kind::Mapping;
        if !is_mapping {
            let line = doc.source().line_at(doc.span().start);
            let kind = doc.root().kind().name();
            problems.push(Problem::at(line, format!("found {kind} instead of a map")));
        }
        is_mapping
    });
    docs
}

/// Returns the line of a value, or of its key.
pub(super) fn line(value: Value<'_>) -> u32 {
    let at = value.key_span().unwrap_or(value.span()).start;
    value.doc().source().line_at(at)
}

/// Returns a scalar as written (`1.10` is not 1.1), or an empty string for anything else.
pub(super) fn written(value: Option<Value<'_>>) -> &str {
    let Some(value) = value else { return "" };
    match value.kind() {
        Kind::Text => value.as_str().unwrap_or(""),
        Kind::Number | Kind::Bool => {
            let Range { start, end } = value.span();
            value.doc().source().text().get(start as usize..end as usize).unwrap_or("")
        }
        _ => "",
    }
}

/// Returns whether a flag is true.
pub(super) fn is_set(value: Value<'_>, key: &str) -> bool {
    value.bool(key) == Some(true)
}
