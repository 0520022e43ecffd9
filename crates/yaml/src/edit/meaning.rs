//! The meaning of a text as JSON, and edits of it.

use serde_json::Value as Json;

use super::{Edit, Refused, Step, refused};
use crate::canonical::to_json;
use crate::doc::{Doc, Source};
use crate::read::read;

/// Returns the only document in a text.
pub(super) fn only_document(text: String) -> Result<Doc, Refused> {
    let mut docs = read(&Source::new("", text)).docs;
    match (docs.pop(), docs.is_empty()) {
        (Some(doc), true) => Ok(doc),
        _ => Err(refused("its document cannot be parsed on its own")),
    }
}

/// Returns the JSON of a document.
pub(super) fn meaning(doc: &Doc) -> Result<Json, Refused> {
    serde_json::from_str(&to_json(doc.root())).map_err(|e| refused(e.to_string()))
}

fn absent() -> Refused {
    refused("it no longer exists")
}

/// Whether the edit changes anything, or the reason why it cannot be made.
pub(super) fn changes(json: &Json, path: &[Step], edit: &Edit) -> Result<bool, Refused> {
    if path.is_empty() {
        return Err(refused("a whole document cannot be edited"));
    }
    let makes = *edit != Edit::Remove;
    let mut old = Some(json);
    for step in path {
        old = match (step, old) {
            (Step::Field(name), Some(Json::Object(map))) => match map.get(name) {
                None if !makes => return Err(absent()),
                value => value,
            },
            (Step::Field(_), None | Some(Json::Null)) if makes => None,
            (Step::Element(index), Some(Json::Array(list))) => {
                Some(list.get(*index).ok_or_else(absent)?)
            }
            _ => return Err(absent()),
        };
    }
    match (edit, old) {
        (Edit::Remove, _) | (Edit::Append(_), None | Some(Json::Null)) => Ok(true),
        (Edit::Set(value), old) => Ok(old != Some(value)),
        (Edit::Append(value), Some(Json::Array(list))) => Ok(!list.contains(value)),
        (Edit::Append(_), _) => Err(refused("it is not a list")),
    }
}

/// Applies an edit for which [`changes`] returned true.
pub(super) fn apply(json: &mut Json, path: &[Step], edit: &Edit) {
    let Some((last, around)) = path.split_last() else { return };
    if *edit == Edit::Remove {
        let at = around.iter().try_fold(json, |at, step| match step {
            Step::Field(name) => at.get_mut(name),
            Step::Element(index) => at.get_mut(*index),
        });
        match (last, at) {
            (Step::Field(name), Some(Json::Object(map))) => drop(map.remove(name)),
            (Step::Element(index), Some(Json::Array(list))) => drop(list.remove(*index)),
            _ => {}
        }
        return;
    }
    let mut at = json;
    for step in path {
        if at.is_null() {
            *at = Json::Object(serde_json::Map::new());
        }
        at = match (step, at) {
            (Step::Field(name), Json::Object(map)) => {
                map.entry(name.as_str()).or_insert(Json::Null)
            }
            (Step::Element(index), Json::Array(list)) => match list.get_mut(*index) {
                Some(element) => element,
                None => return,
            },
            _ => return,
        };
    }
    match (edit, at) {
        (Edit::Append(value), Json::Array(list)) => list.push(value.clone()),
        (Edit::Append(value), at) => *at = Json::Array(vec![value.clone()]),
        (Edit::Set(value), at) => *at = value.clone(),
        (Edit::Remove, _) => {}
    }
}
