//! A pod's fields with the types that the API server gives them, and who sets them.
//!
//! The API server refuses a value of another type, so that nothing follows from it: whoever reads
//! a field gets [`WrongType`], which becomes the verdict *unknown*.

use std::fmt;

use pavisade_snapshot::{Container, ContainerKind, Pod};
use pavisade_yaml::{Kind, Value};

use crate::{Claim, Verdict};

/// A value of a type that the API server does not take.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrongType<'a> {
    value: Value<'a>,
    wanted: &'static str,
}

impl<'a> From<WrongType<'a>> for Claim<'a> {
    fn from(WrongType { value, wanted }: WrongType<'a>) -> Self {
        let what = value.key().map_or("an element".to_owned(), |key| format!("`{key}`"));
        // Flux, envsubst and templates.
        let later = value.as_str().is_some_and(|text| text.contains("${") || text.contains("{{"));
        if later {
            return Self::unknown(value, format!("{what} is filled in later"));
        }
        let is = value.kind().name();
        Self::unknown(value, format!("{what} is {is} where the API server takes only {wanted}"))
    }
}

impl<'a> From<WrongType<'a>> for Verdict<'a> {
    fn from(wrong: WrongType<'a>) -> Self {
        Claim::from(wrong).into()
    }
}

/// A field that may be absent (which null is as well), or of the wrong type.
pub(super) type Field<'a, T> = Result<Option<T>, WrongType<'a>>;

/// The value at a path; null counts as absent.
pub(super) fn find<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, Value<'a>> {
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
pub(super) fn map<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, Value<'a>> {
    match find(from, path)? {
        Some(value) if value.kind() != Kind::Mapping => Err(WrongType { value, wanted: "a map" }),
        found => Ok(found),
    }
}

/// A boolean at a path, with its place.
pub(super) fn boolean<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (bool, Value<'a>)> {
    typed(from, path, "a boolean", Value::as_bool)
}

/// An integer at a path, with its place.
pub(super) fn integer<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (i64, Value<'a>)> {
    typed(from, path, "an integer", Value::as_i64)
}

/// A text at a path, with its place.
pub(super) fn text<'a>(from: Value<'a>, path: &[&str]) -> Field<'a, (&'a str, Value<'a>)> {
    typed(from, path, "text", Value::as_str)
}

/// The elements of a list at a path; none where it is absent.
pub(super) fn list<'a>(
    from: Value<'a>,
    path: &[&str],
) -> Result<impl Iterator<Item = Value<'a>> + use<'a>, WrongType<'a>> {
    let list = find(from, path)?;
    match list {
        Some(value) if value.kind() != Kind::Sequence => Err(WrongType { value, wanted: "a list" }),
        _ => Ok(list.into_iter().flat_map(Value::items)),
    }
}

/// An element of a list of texts, in which null stands for the empty text.
pub(super) fn text_element(value: Value<'_>) -> Result<&str, WrongType<'_>> {
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

/// Whatever has a `securityContext`: the pod, or one of its containers.
#[derive(Clone, Copy)]
pub(super) enum Setter<'a> {
    Pod(Pod<'a>),
    Container(Container<'a>),
}

impl<'a> Setter<'a> {
    /// The pod itself, then its containers.
    pub(super) fn all(pod: Pod<'a>) -> impl Iterator<Item = Self> {
        std::iter::once(Self::Pod(pod)).chain(pod.containers().map(Self::Container))
    }

    /// What holds the `securityContext`.
    pub(super) fn value(self) -> Value<'a> {
        match self {
            Self::Pod(pod) => pod.spec(),
            Self::Container(container) => container.value(),
        }
    }
}

impl fmt::Display for Setter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(_) => f.write_str("the pod"),
            Self::Container(container) => {
                let kind = match container.kind() {
                    ContainerKind::Init => "init container",
                    ContainerKind::Sidecar => "sidecar",
                    ContainerKind::Main => "container",
                    ContainerKind::Ephemeral => "ephemeral container",
                };
                write!(f, "{kind} `{}`", container.name())
            }
        }
    }
}

/// A container as messages call it.
pub(super) fn named(container: Container<'_>) -> Setter<'_> {
    Setter::Container(container)
}
