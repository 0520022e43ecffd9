//! What kubectl makes of a document that is well-formed: lists unrolled, metadata of wrong types
//! refused.

use crate::doc::{Kind, Value};

/// An object as kubectl would send it.
#[derive(Debug, Clone, Copy)]
pub struct Object<'d> {
    /// Its fields.
    pub value: Value<'d>,
    /// `apiVersion`; that of the list for an element that has neither version nor kind.
    pub api_version: &'d str,
    /// `kind`; that of the list without `List` for an element that has neither.
    pub kind: &'d str,
}

/// A reason for which kubectl refuses a document, with the value that is wrong.
#[derive(Debug, Clone)]
pub struct Refusal<'d> {
    /// The value that is wrong, or what it is missing in.
    pub at: Value<'d>,
    /// What is wrong.
    pub message: String,
}

/// The objects of a document: itself, or the elements of a list (`kind: List`, or any kind with
/// a list in `items`).
///
/// # Errors
/// What kubectl refuses; nothing of the document is sent then.
pub fn objects<'d>(root: Value<'d>) -> Result<Vec<Object<'d>>, Refusal<'d>> {
    if root.kind() != Kind::Mapping {
        let message = format!("expected an API object, found {}", root.kind().name());
        return Err(Refusal { at: root, message });
    }
    let (api_version, kind) = (type_field(root, "apiVersion")?, type_field(root, "kind")?);
    if kind.is_empty() {
        return Err(Refusal { at: root, message: "`kind` is missing".into() });
    }
    check_metadata(root)?;
    let Some(items) = root.get("items") else {
        return Ok(vec![Object { value: root, api_version, kind }]);
    };
    match items.kind() {
        Kind::Null => return Ok(Vec::new()),
        Kind::Sequence => {}
        other => {
            let message = format!("`items` must be a list, found {}", other.name());
            return Err(Refusal { at: items, message });
        }
    }
    let item_kind = kind.strip_suffix("List").unwrap_or(kind);
    let mut objects = Vec::new();
    for item in items.items() {
        if item.kind() != Kind::Mapping {
            let message =
                format!("an element of a list must be an object, found {}", item.kind().name());
            return Err(Refusal { at: item, message });
        }
        let (version, kind) = (type_field(item, "apiVersion")?, type_field(item, "kind")?);
        if version.is_empty() && kind.is_empty() {
            objects.push(Object { value: item, api_version, kind: item_kind });
        } else if kind.is_empty() {
            return Err(Refusal { at: item, message: "`kind` is missing".into() });
        } else if item.get("items").is_some() {
            objects.extend(self::objects(item)?);
        } else {
            objects.push(Object { value: item, api_version: version, kind });
        }
    }
    Ok(objects)
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

/// kubectl decodes `metadata` into `ObjectMeta` and refuses what does not fit.
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
