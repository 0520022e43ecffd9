//! Parts of rule files: where they stand, and what is expected of them.

use pavisade_yaml::Value;

use super::{Code, Item, Message};

/// A place in a file.
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
