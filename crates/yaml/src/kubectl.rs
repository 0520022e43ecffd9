//! How kubectl interprets a well-formed document: it expands lists and refuses metadata of wrong
//! types.

use crate::doc::{Kind, Value};

/// An object as kubectl would send it.
#[derive(Debug, Clone, Copy)]
pub struct Object<'d> {
    /// The value of the object.
    pub value: Value<'d>,
    /// The `apiVersion`. An element with neither version nor kind has that of its list.
    pub api_version: &'d str,
    /// The `kind`. An element with neither version nor kind has that of its list without `List`.
    pub kind: &'d str,
}

/// A reason why kubectl refuses a document, and the invalid value.
#[derive(Debug, Clone)]
pub struct Refusal<'d> {
    /// The invalid value, or the parent of a missing one.
    pub at: Value<'d>,
    /// What is wrong.
    pub message: String,
}

/// The objects that kubectl finds in a document.
#[derive(Debug, Default)]
pub struct Objects<'d> {
    /// The objects it would send, in order.
    pub sent: Vec<Object<'d>>,
    /// The errors: for the document, or for single elements of a list.
    pub refused: Vec<Refusal<'d>>,
}

/// Returns the objects of a document: itself, or the elements of a list (`kind: List`, or any kind
/// with a list in `items`).
pub fn objects<'d>(root: Value<'d>) -> Objects<'d> {
    let mut objects = Objects::default();
    if let Err(refusal) = unroll(root, &mut objects) {
        // A document is refused as a whole. Only list elements are refused individually.
        objects = Objects { sent: Vec::new(), refused: vec![refusal] };
    }
    objects
}

fn unroll<'d>(root: Value<'d>, out: &mut Objects<'d>) -> Result<(), Refusal<'d>> {
    if root.kind() != Kind::Mapping {
        let message = format!("expected an API object, found {}", root.kind().name());
        return Err(Refusal { at: root, message });
    }
    let (api_version, kind) = type_fields(root)?;
    if kind.is_empty() {
        return Err(Refusal { at: root, message: "`kind` is missing".into() });
    }
    check_metadata(root)?;
    let Some(items) = root.get("items") else {
        out.sent.push(Object { value: root, api_version, kind });
        return Ok(());
    };
    match items.kind() {
        Kind::Null => return Ok(()),
        Kind::Sequence => {}
        other => {
            let message = format!("`items` must be a list, found {}", other.name());
            return Err(Refusal { at: items, message });
        }
    }
    let item_kind = kind.strip_suffix("List").unwrap_or(kind);
    for item in items.items() {
        if !matches!(item.kind(), Kind::Mapping | Kind::Null) {
            let kind = item.kind().name();
            let message = format!("an element of a list must be an object, found {kind}");
            return Err(Refusal { at: item, message });
        }
        let (mut version, mut kind) = type_fields(item)?;
        if version.is_empty() && kind.is_empty() {
            (version, kind) = (api_version, item_kind);
        }
        let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
        if kind.is_empty() || version.is_empty() {
            out.refused.push(Refusal { at: item, message: format!("`{missing}` is missing") });
        } else if item.get("items").is_some() {
            unroll(item, out)?;
        } else {
            out.sent.push(Object { value: item, api_version: version, kind });
        }
    }
    Ok(())
}

/// Returns `apiVersion` and `kind`. An `apiVersion` with more than two parts hides the kind.
fn type_fields(object: Value<'_>) -> Result<(&str, &str), Refusal<'_>> {
    let (version, kind) = (type_field(object, "apiVersion")?, type_field(object, "kind")?);
    if version.matches('/').count() > 1 {
        let message = format!("`{version}` is not a group and version");
        return Err(Refusal { at: object.get("apiVersion").unwrap_or(object), message });
    }
    Ok((version, kind))
}

fn type_field<'d>(object: Value<'d>, field: &str) -> Result<&'d str, Refusal<'d>> {
    match object.get(field) {
        None => Ok(""),
        Some(value) if value.is_null() => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| wrong_type(value, field, "text")),
    }
}

fn wrong_type<'d>(value: Value<'d>, field: &str, wanted: &str) -> Refusal<'d> {
    let message = format!("`{field}` must be {wanted}, found {}", value.kind().name());
    Refusal { at: value, message }
}

/// kubectl decodes `metadata` into `ObjectMeta` and refuses values of wrong types.
fn check_metadata<'d>(object: Value<'d>) -> Result<(), Refusal<'d>> {
    let Some(metadata) = object.get("metadata").filter(|m| !m.is_null()) else { return Ok(()) };
    let expect = |value: Value<'d>, field: &str, kind: Kind| {
        if value.is_null() || value.kind() == kind {
            return Ok(());
        }
        Err(wrong_type(value, field, kind.name()))
    };
    expect(metadata, "metadata", Kind::Mapping)?;
    for (key, value) in metadata.entries() {
        let field = format!("metadata.{key}");
        match key {
            "name" | "generateName" | "namespace" | "selfLink" | "uid" | "resourceVersion"
            | "creationTimestamp" | "deletionTimestamp" => expect(value, &field, Kind::Text)?,
            "generation" | "deletionGracePeriodSeconds" => {
                expect(value, &field, Kind::Number)?;
                if value.kind() == Kind::Number && value.as_i64().is_none() {
                    return Err(wrong_type(value, &field, "an integer"));
                }
            }
            "labels" | "annotations" => {
                expect(value, &field, Kind::Mapping)?;
                for (name, text) in value.entries() {
                    expect(text, &format!("{field}.{name}"), Kind::Text)?;
                }
            }
            "finalizers" => {
                expect(value, &field, Kind::Sequence)?;
                for text in value.items() {
                    expect(text, &field, Kind::Text)?;
                }
            }
            "ownerReferences" | "managedFields" => {
                expect(value, &field, Kind::Sequence)?;
                for item in value.items() {
                    expect(item, &field, Kind::Mapping)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
