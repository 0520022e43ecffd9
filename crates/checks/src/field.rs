//! Typed access to the fields of an object.
//!
//! The API server rejects a value of another type, so nothing can be concluded from it. Reading
//! such a field returns [`WrongType`], which becomes the verdict *unknown*.

use std::fmt;

use pavisade_model::Gap;
use pavisade_yaml::{Kind, Value};

use crate::{Claim, Verdict, Why};

/// A value of a type that the API server rejects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrongType<'a> {
    value: Value<'a>,
    wanted: &'static str,
}

impl<'a> WrongType<'a> {
    /// Creates the error for a value that is invalid for another reason. `wanted` describes valid
    /// values.
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
        // Variables of Flux, envsubst and templates.
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

/// A field, which may be absent (or null), or of the wrong type.
pub(crate) type Field<'a, T> = Result<Option<T>, WrongType<'a>>;

/// Returns the value at a path. Null counts as absent.
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

/// Returns the map at a path.
pub(crate) fn map<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, Value<'a>> {
    match find(from, path)? {
        Some(value) if value.kind() != Kind::Mapping => Err(WrongType { value, wanted: "a map" }),
        found => Ok(found),
    }
}

/// Returns the boolean at a path, and its value.
pub(crate) fn boolean<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (bool, Value<'a>)> {
    typed(from, path, "a boolean", Value::as_bool)
}

/// Returns the integer at a path, and its value.
pub(crate) fn integer<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (i64, Value<'a>)> {
    typed(from, path, "an integer", Value::as_i64)
}

/// Returns the string at a path, and its value.
pub(crate) fn text<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (&'a str, Value<'a>)> {
    typed(from, path, "text", Value::as_str)
}

/// Returns the elements of the list at a path. Empty if it is absent.
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

/// Returns an element of a list of strings. Null is the empty string.
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

/// Whether a label selector has no requirements and so selects everything.
pub(crate) fn is_empty_selector(selector: Value<'_>) -> bool {
    let is_empty = |v: Value<'_>| v.entries().next().is_none() && v.items().next().is_none();
    selector.kind() == Kind::Mapping && selector.entries().all(|(_, v)| is_empty(v))
}

/// Whether a value is a label selector with known fields only.
pub(crate) fn is_plain_selector(selector: Value<'_>) -> bool {
    let known = |key: &str| ["matchLabels", "matchExpressions"].contains(&key);
    selector.kind() == Kind::Mapping && selector.entries().all(|(key, _)| known(key))
}

/// Returns the name of a feature gate without that of its component: `kube:Gate`.
pub(crate) fn gate_of(name: &str) -> &str {
    let name = name.trim();
    name.split_once(':').map_or(name, |(_, gate)| gate)
}

/// Parses a boolean like Go's `strconv.ParseBool`.
pub(crate) fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
