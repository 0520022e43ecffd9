//! Positions and errors in rule files.

use pavisade_yaml::{Kind, Value};

use super::{Code, Item, Message};

/// A position in a file.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u32,
}

impl Place {
    pub(super) fn of(value: Value<'_>) -> Self {
        let source = value.doc().source();
        Self { file: source.name().to_owned(), line: source.line_at(value.span().start) }
    }

    pub(super) fn message(&self, code: Code, item: Item, name: &str, text: String) -> Message {
        let Self { file, line } = self.clone();
        Message { code, item, name: name.to_owned(), text, file, line }
    }
}

pub(super) fn validate(text: &str) -> (Code, String) {
    (Code::Validate, text.to_owned())
}

pub(super) fn missing(key: &str) -> (Code, String) {
    (Code::YamlValidate, format!("Item has no mapping for key '{key}'"))
}

pub(super) fn text(value: Value<'_>, key: &str) -> Result<Option<String>, (Code, String)> {
    match value.get(key) {
        None => Ok(None),
        Some(found) => match found.scalar_text() {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err((Code::YamlValidate, format!("Value of '{key}' must be text"))),
        },
    }
}

pub(super) fn texts(value: Value<'_>, key: &str) -> Result<Option<Vec<String>>, (Code, String)> {
    match value.get(key) {
        None => Ok(None),
        Some(list) if list.kind() == Kind::Sequence => {
            let texts = list.items().filter_map(|item| item.scalar_text());
            Ok(Some(texts.map(|text| text.into_owned()).collect()))
        }
        Some(_) => Err((Code::YamlValidate, format!("Value of '{key}' must be a list"))),
    }
}

pub(super) fn flag(value: Value<'_>, key: &str) -> Result<Option<bool>, (Code, String)> {
    match value.get(key) {
        None => Ok(None),
        Some(found) => match found.as_bool() {
            Some(flag) => Ok(Some(flag)),
            None => Err((Code::YamlValidate, format!("Value of '{key}' must be true or false"))),
        },
    }
}

pub(super) fn number(value: Value<'_>, key: &str) -> Result<(), (Code, String)> {
    match value.get(key) {
        Some(found) if found.as_i64().is_none() => {
            Err((Code::YamlValidate, format!("Value of '{key}' must be a number")))
        }
        _ => Ok(()),
    }
}
