//! Reads values of a document, and collects errors with their locations.

use std::collections::BTreeMap;
use std::sync::Arc;

use pavisade_checks::{Catalog, Entry};
use pavisade_model::{Glob, Note, NoteKind, Rule, nearest};
use pavisade_yaml::{self as yaml, Doc, Kind, Source, Value, to_json};

/// Maximum number of errors reported per file.
const MAX_PROBLEMS: usize = 100;
/// Maximum length of a word repeated in a message, in bytes.
const MAX_WORD: usize = 80;

/// A file being read.
pub(crate) struct Reader<'c> {
    source: Source,
    catalog: &'c Catalog,
    problems: Vec<Note>,
    /// Lines of fields, by name.
    pub(crate) lines: BTreeMap<String, u32>,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(source: &Source, catalog: &'c Catalog) -> Self {
        Self { source: source.clone(), catalog, problems: Vec::new(), lines: BTreeMap::new() }
    }

    /// Returns the only document of the file. `None` if it is empty or cannot be read.
    pub(crate) fn document(&mut self) -> Option<Doc> {
        let documents = yaml::read(&self.source);
        for note in &documents.notes {
            let span = shown(&self.source, note.span.0, note.span.1);
            self.push(span, note.message.clone(), "");
        }
        if let Some(second) = documents.docs.get(1) {
            let start = second.root().span().start;
            let span = shown(&self.source, start, start);
            self.push(span, "a second document".to_owned(), "Use one document.");
        }
        documents.docs.into_iter().next()
    }

    /// Returns all errors, in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Note> {
        self.problems.sort_by_key(|note| note.span.as_ref().map_or(0, |span| span.1));
        if self.problems.len() > MAX_PROBLEMS {
            let more = self.problems.len() - MAX_PROBLEMS;
            self.problems.truncate(MAX_PROBLEMS);
            self.problems.push(Note {
                kind: NoteKind::Unread,
                place: self.source.name().to_owned(),
                span: None,
                message: format!("{more} more errors are not shown"),
                remedy: String::new(),
            });
        }
        self.problems
    }

    fn push(&mut self, (start, end): (u32, u32), message: String, remedy: &str) {
        self.problems.push(Note {
            kind: NoteKind::Unread,
            place: self.source.name().to_owned(),
            span: Some((self.source.clone(), start, end)),
            message,
            remedy: remedy.to_owned(),
        });
    }

    /// Creates a note about a value without reporting it.
    pub(crate) fn note(&self, at: Value<'_>, message: impl Into<String>, remedy: &str) -> Note {
        let (start, end) = place(at);
        Note {
            kind: NoteKind::Unread,
            place: self.source.name().to_owned(),
            span: Some((self.source.clone(), start, end)),
            message: message.into(),
            remedy: remedy.to_owned(),
        }
    }

    /// Reports an error in a value.
    pub(crate) fn problem(&mut self, at: Value<'_>, message: impl Into<String>, remedy: &str) {
        let note = self.note(at, message, remedy);
        self.problems.push(note);
    }

    /// Reports an error in the key of a value.
    fn key_problem(&mut self, at: Value<'_>, message: String, remedy: &str) {
        let key = at.key_span().map_or_else(|| place(at), |key| (key.start, key.end));
        self.push((key.0, key.1.max(key.0 + 1)), message, remedy);
    }

    /// Reports a missing field of a map.
    pub(crate) fn missing(&mut self, map: Value<'_>, message: &str) {
        let start = map.span().start;
        let line = self.source.text().get(start as usize..).unwrap_or("");
        let length = line.lines().next().map_or(0, |line| line.trim_end().len()) as u32;
        self.push((start, start + length.max(1)), message.to_owned(), "");
    }

    /// Reports an unknown word.
    pub(crate) fn unknown(&mut self, what: &str, word: &str, at: Value<'_>, known: &[&str]) {
        let remedy = self.suggestion(word, known);
        self.problem(at, format!("unknown {what} `{}`", short(word)), &remedy);
    }

    /// Whether to compute suggestions, which is slow. Not needed for errors that will not be shown.
    fn suggests(&self) -> bool {
        self.problems.len() <= MAX_PROBLEMS
    }

    fn suggestion(&self, word: &str, known: &[&str]) -> String {
        match nearest(word, known.iter().copied()).filter(|_| self.suggests()) {
            Some(name) => format!("Did you mean `{name}`?"),
            None if known.is_empty() => String::new(),
            None if known.len() == 1 => format!("There is only `{}`.", known[0]),
            None => format!("There are {}.", known.join(", ")),
        }
    }

    pub(crate) fn line(&mut self, field: &str, value: Value<'_>) {
        let start = value.key_span().unwrap_or_else(|| value.span()).start;
        self.lines.insert(field.to_owned(), self.source.line_at(start));
    }

    fn kind(&mut self, value: Value<'_>, wanted: &str) {
        let message = format!("this is {}, but must be {wanted}", value.kind().name());
        self.problem(value, message, "");
    }

    /// Returns the entries of a map.
    pub(crate) fn map<'d>(&mut self, value: Value<'d>) -> Vec<(&'d str, Value<'d>)> {
        match value.kind() {
            Kind::Mapping => value.entries().collect(),
            Kind::Null => Vec::new(),
            _ => {
                self.kind(value, "a map");
                Vec::new()
            }
        }
    }

    /// Returns the entries of a map with known keys. `of` describes the map.
    pub(crate) fn fields<'d>(
        &mut self,
        value: Value<'d>,
        known: &[&str],
        of: &str,
    ) -> Vec<(&'d str, Value<'d>)> {
        let mut entries = self.map(value);
        entries.retain(|(key, value)| {
            let is_known = known.contains(key);
            if !is_known {
                let message = format!("{of} has no field `{}`", short(key));
                let remedy = self.suggestion(key, known);
                self.key_problem(*value, message, &remedy);
            }
            is_known
        });
        entries
    }

    /// Returns the elements of a list.
    pub(crate) fn list<'d>(&mut self, value: Value<'d>) -> Vec<Value<'d>> {
        match value.kind() {
            Kind::Sequence => value.items().collect(),
            Kind::Null => Vec::new(),
            _ => {
                self.kind(value, "a list");
                Vec::new()
            }
        }
    }

    pub(crate) fn text<'d>(&mut self, value: Value<'d>) -> Option<&'d str> {
        let text = value.as_str();
        match value.kind() {
            Kind::Text => {}
            kind @ (Kind::Bool | Kind::Number) => {
                let name = kind.name();
                let remedy = format!("Add quotes: without them, YAML reads it as {name}.");
                self.problem(value, format!("this is {name}, but must be a string"), &remedy);
            }
            _ => self.kind(value, "text"),
        }
        text
    }

    /// Returns a string, or a number as written: `1.30` is not 1.3.
    pub(crate) fn scalar<'d>(&mut self, value: Value<'d>) -> Option<&'d str> {
        if value.kind() != Kind::Number {
            return self.text(value);
        }
        let span = value.span();
        value.doc().source().text().get(span.start as usize..span.end as usize)
    }

    pub(crate) fn boolean(&mut self, value: Value<'_>) -> Option<bool> {
        let boolean = value.as_bool();
        if boolean.is_none() {
            self.kind(value, "true or false");
        }
        boolean
    }

    /// Returns the strings of a list.
    pub(crate) fn texts<'d>(&mut self, value: Value<'d>) -> Vec<(String, Value<'d>)> {
        let items = self.list(value).into_iter();
        items.filter_map(|item| Some((self.text(item)?.to_owned(), item))).collect()
    }

    /// Returns the patterns of a list.
    pub(crate) fn globs(&mut self, value: Value<'_>) -> Vec<Glob> {
        let texts = self.texts(value).into_iter();
        texts.filter_map(|(text, at)| self.path_glob(&text, at)).collect()
    }

    fn path_glob(&mut self, text: &str, at: Value<'_>) -> Option<Glob> {
        if text.starts_with('/') || text.split('/').any(|name| name == "..") {
            let message = "a path must be relative to the directory of this file";
            self.problem(at, message, "Remove `/` at its start, and `..`.");
            return None;
        }
        self.glob(text, at)
    }

    pub(crate) fn glob(&mut self, text: &str, at: Value<'_>) -> Option<Glob> {
        Glob::new(text).map_err(|why| self.problem(at, why, "")).ok()
    }

    /// Returns the check with an id or name. With `key`, the word is the value's key.
    pub(crate) fn check(&mut self, word: &str, at: Value<'_>, key: bool) -> Option<&'c Entry> {
        let found = self.catalog.named(word);
        if found.is_none() {
            let message = format!("unknown check `{}`", short(word));
            let remedy = match self.suggests().then(|| self.catalog.similar(word)).flatten() {
                Some(name) => format!("Did you mean `{name}`?"),
                None => "`pavisade checks list` lists all checks.".to_owned(),
            };
            match key {
                true => self.key_problem(at, message, &remedy),
                false => self.problem(at, message, &remedy),
            }
        }
        found
    }

    /// Returns the checks of a list.
    pub(crate) fn checks(&mut self, value: Value<'_>) -> Vec<Arc<Rule>> {
        let mut rules = Vec::new();
        for (word, at) in self.texts(value) {
            let group = match self.catalog.named(&word) {
                None => self.catalog.meant(&word),
                Some(_) => Vec::new(),
            };
            match &group[..] {
                [] => rules.extend(self.check(&word, at, false).map(|entry| entry.rule().clone())),
                group => rules.extend(group.iter().map(|entry| entry.rule().clone())),
            }
        }
        rules
    }

    /// Returns the parameters of a check. Each is parsed separately, so that each error has its
    /// location.
    pub(crate) fn parameters(&mut self, entry: &Entry, value: Value<'_>) -> serde_json::Value {
        let schema = serde_json::to_value(entry.schema()).unwrap_or_default();
        let known = schema["properties"].as_object();
        let known: Vec<&str> = known.into_iter().flatten().map(|(name, _)| &**name).collect();
        let mut given = serde_json::Map::new();
        let before = self.problems.len();
        for (name, value) in self.map(value) {
            if !known.contains(&name) {
                let message = format!("`{}` has no parameter `{}`", entry.rule().name, short(name));
                let remedy = self.suggestion(name, &known);
                self.key_problem(value, message, &remedy);
                continue;
            }
            self.line(&format!("checks.{}.parameters.{name}", entry.rule().name), value);
            let json: serde_json::Value = serde_json::from_str(&to_json(value)).unwrap_or_default();
            let alone =
                serde_json::Value::Object([(name.to_owned(), json.clone())].into_iter().collect());
            if let Err(why) = entry.takes(&alone) {
                self.problem(value, format!("`{name}`: {why}"), "");
            }
            given.insert(name.to_owned(), json);
        }
        let given = serde_json::Value::Object(given);
        if self.problems.len() == before
            && let Err(why) = entry.takes(&given)
        {
            self.problem(value, why, "");
        }
        given
    }
}

/// Returns the location to show for a value: itself, or the key of a collection.
fn place(at: Value<'_>) -> (u32, u32) {
    let span = match at.kind() {
        Kind::Mapping | Kind::Sequence | Kind::Null => at.key_span().unwrap_or_else(|| at.span()),
        _ => at.span(),
    };
    shown(at.doc().source(), span.start, span.end)
}

/// Returns a range of at least one byte where there is one. A missing value may be at or beyond the
/// end of the text.
pub(crate) fn shown(source: &Source, start: u32, end: u32) -> (u32, u32) {
    let end = end.max(start + 1).min(source.text().len() as u32);
    (start.min(end), end)
}

fn short(word: &str) -> String {
    match word.char_indices().nth(MAX_WORD) {
        Some((at, _)) => format!("{}…", &word[..at]),
        None => word.to_owned(),
    }
}
