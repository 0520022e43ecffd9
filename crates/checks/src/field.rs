//! An object's fields with the types that the API server gives them.
//!
//! The API server rejects a value of another type, so that nothing follows from it: anyone who
//! reads a field gets [`WrongType`], which becomes the verdict *unknown*.

use std::fmt;

use pavisade_model::Gap;
use pavisade_yaml::{Kind, Value};

use crate::{Claim, Verdict, Why};

/// A value of a type that the API server does not take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrongType<'a> {
    value: Value<'a>,
    wanted: &'static str,
}

impl<'a> WrongType<'a> {
    /// A value that is rejected for another reason than its type: what it would have to be.
    pub(crate) fn new(value: Value<'a>, wanted: &'static str) -> Self {
        Self { value, wanted }
    }
}

impl fmt::Display for WrongType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.key() {
            Some(key) => write!(f, "`{key}`")?,
            None => f.write_str("an element")?,
        }
        let is = self.value.kind().name();
        write!(f, " is {is}, but the API server accepts only {}", self.wanted)
    }
}

impl<'a> From<WrongType<'a>> for Claim<'a> {
    fn from(wrong: WrongType<'a>) -> Self {
        // Flux, envsubst and templates.
        let text = wrong.value.as_str();
        if text.is_some_and(|text| text.contains("${") || text.contains("{{")) {
            let what = wrong.value.key().map_or("an element".into(), |key| format!("`{key}`"));
            return Self::unknown(wrong.value, format!("{what} is set later")).gap(Gap::Value);
        }
        Self::unknown(wrong.value, wrong.to_string()).gap(Gap::Form)
    }
}

impl From<WrongType<'_>> for Why {
    fn from(wrong: WrongType<'_>) -> Self {
        Self::of(Gap::Form, wrong.to_string())
    }
}

impl<'a> From<WrongType<'a>> for Verdict<'a> {
    fn from(wrong: WrongType<'a>) -> Self {
        Claim::from(wrong).into()
    }
}

/// A field that may be absent (which null is as well), or of the wrong type.
pub(crate) type Field<'a, T> = Result<Option<T>, WrongType<'a>>;

/// The value at a path; null counts as absent.
pub(crate) fn find<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, Value<'a>> {
    let mut at = from;
    for key in path {
        if at.kind() != Kind::Mapping {
            return Err(WrongType { value: at, wanted: "a map" });
        }
        match at.get(key).filter(|v| !v.is_null()) {
            Some(value) => at = value,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// A map at a path.
pub(crate) fn map<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, Value<'a>> {
    match find(from, path)? {
        Some(value) if value.kind() != Kind::Mapping => Err(WrongType { value, wanted: "a map" }),
        found => Ok(found),
    }
}

/// A boolean at a path, with its place.
pub(crate) fn boolean<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (bool, Value<'a>)> {
    typed(from, path, "a boolean", Value::as_bool)
}

/// An integer at a path, with its place.
pub(crate) fn integer<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (i64, Value<'a>)> {
    typed(from, path, "an integer", Value::as_i64)
}

/// A text at a path, with its place.
pub(crate) fn text<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (&'a str, Value<'a>)> {
    typed(from, path, "text", Value::as_str)
}

/// The elements of a list at a path; none where it is absent.
pub(crate) fn list<'a>(
    from: Value<'a>,
    path: &[&str],
) -> Result<impl Iterator<Item = Value<'a>> + use<'a>, WrongType<'a>> {
    let list = find(from, path)?;
    match list {
        Some(value) if value.kind() != Kind::Sequence => Err(WrongType { value, wanted: "a list" }),
        _ => Ok(list.into_iter().flat_map(Value::items)),
    }
}

/// An element of a list of texts, in which null represents the empty text.
pub(crate) fn text_element(value: Value<'_>) -> Result<&str, WrongType<'_>> {
    if value.is_null() {
        return Ok("");
    }
    value.as_str().ok_or(WrongType { value, wanted: "text" })
}

fn typed<'a, T>(
    from: Value<'a>,
    path: &[&str],
    wanted: &'static str,
    read: impl FnOnce(Value<'a>) -> Option<T>,
) -> Field<'a, (T, Value<'a>)> {
    match find(from, path)? {
        None => Ok(None),
        Some(value) => match read(value) {
            Some(of_type) => Ok(Some((of_type, value))),
            None => Err(WrongType { value, wanted }),
        },
    }
}

/// Whether a label selector asks for nothing, and so selects all.
pub(crate) fn is_empty_selector(selector: Value<'_>) -> bool {
    let is_empty = |v: Value<'_>| v.entries().next().is_none() && v.items().next().is_none();
    selector.kind() == Kind::Mapping && selector.entries().all(|(_, v)| is_empty(v))
}

/// Whether a value is a label selector all of whose fields are known.
pub(crate) fn is_plain_selector(selector: Value<'_>) -> bool {
    let known = |key: &str| ["matchLabels", "matchExpressions"].contains(&key);
    selector.kind() == Kind::Mapping && selector.entries().all(|(key, _)| known(key))
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(crate) fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
