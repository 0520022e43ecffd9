//! Lock files that are JSON, YAML or TOML, with the line of everything in them.

use std::ops::Range;

use pavisade_yaml::{Doc, Kind, Source, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::list::MAX_PROBLEMS;
use crate::reader::Problem;

/// The JSON object that a text is. The workspace's own reader is used, since it knows lines.
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

/// The YAML documents of a text that are mappings.
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
            problems.push(Problem::at(line, format!("{kind} stands where a map is expected")));
        }
        is_mapping
    });
    docs
}

/// The line that a value, or the key of a value, begins at.
pub(super) fn line(value: Value<'_>) -> u32 {
    let at = value.key_span().unwrap_or(value.span()).start;
    value.doc().source().line_at(at)
}

/// A scalar as it is written: `1.10` is not 1.1. Empty for anything else.
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

/// A flag that is set.
pub(super) fn is_set(value: Value<'_>, key: &str) -> bool {
    value.bool(key) == Some(true)
}

/// A TOML text.
pub(super) struct Toml {
    source: Source,
}

impl Toml {
    pub(super) fn new(text: &str) -> Self {
        Self { source: Source::new("", text) }
    }

    /// What can be read of it.
    pub(super) fn table(&self, problems: &mut Vec<Problem>) -> DeTable<'_> {
        let (table, errors) = DeTable::parse_recoverable(self.source.text());
        // One fault makes many: the first ones say what is wrong.
        for error in errors.into_iter().take(8) {
            let line = error.span().map(|span| self.source.line_at(offset(span.start)));
            problems.push(Problem { line, message: format!("not TOML: {}", error.message()) });
        }
        table.into_inner()
    }

    /// The line that a value begins at.
    pub(super) fn line<T>(&self, value: &Spanned<T>) -> u32 {
        self.source.line_at(offset(value.span().start))
    }

    /// The line of a table's key, or of the table where it has no such key.
    pub(super) fn line_of(&self, table: &Spanned<DeValue<'_>>, key: &str) -> u32 {
        let inner = table.get_ref().as_table();
        let found = inner.and_then(|table| table.keys().find(|name| name.get_ref() == key));
        found.map_or_else(|| self.line(table), |name| self.line(name))
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The tables of an array of tables.
pub(super) fn tables<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
) -> impl Iterator<Item = (&'t Spanned<DeValue<'i>>, &'t DeTable<'i>)> {
    let array = table.get(key).and_then(|value| value.get_ref().as_array());
    let items = array.into_iter().flat_map(|array| array.iter());
    items.filter_map(|item| Some((item, item.get_ref().as_table()?)))
}

/// A text in a table; empty where there is none.
pub(super) fn text<'t>(table: &'t DeTable<'_>, key: &str) -> &'t str {
    table.get(key).and_then(|value| value.get_ref().as_str()).unwrap_or("")
}

/// A table in a table.
pub(super) fn inner<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    table.get(key)?.get_ref().as_table()
}
