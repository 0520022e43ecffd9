//! Edits of a document that leave the rest of its text as it is: comments, order, quotes, indents.
//!
//! An edit is made in the text and, beside it, in the document's JSON. Only where the new text
//! means exactly the new JSON does it count; so an anchor that others share, a merge or a style
//! that is not known here ends in a refusal, never in another change.

mod render;
mod splice;

use std::fmt;

use serde_json::Value as Json;

use crate::doc::{Doc, NodeId, Source, Value};
use crate::json::to_json;
use crate::read::read;

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// This is there afterwards, whatever was there before; maps around it are made where absent.
    Set(Json),
    /// The list there has one more element at its end, unless it has an equal one; an absent list
    /// is made.
    Append(Json),
    /// It is gone, with its key or its dash.
    Remove,
}

/// An edit at a place of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The value, or the nearest one that exists around what is absent.
    pub at: NodeId,
    /// The fields below it that lead to the place; all but the last may be absent as well.
    pub below: Vec<String>,
    /// What becomes of it.
    pub edit: Edit,
}

/// Why an edit was not made; the document is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a document.
#[derive(Debug)]
pub struct Amended {
    /// The whole text of the document's part of its source ([`Doc::span`]).
    pub text: String,
    /// For each group, in order, whether it was made.
    pub made: Vec<Result<(), Refused>>,
}

/// Makes groups of edits one after another, each whole or not at all.
pub fn amend(doc: &Doc, groups: &[Vec<Amendment>]) -> Amended {
    let span = doc.span();
    let text = doc.source().text().get(span.start as usize..span.end as usize).unwrap_or("");
    let mut editor = match Editor::new(text) {
        Ok(editor) => editor,
        Err(refused) => {
            return Amended { text: text.to_owned(), made: vec![Err(refused); groups.len()] };
        }
    };
    let mut made = Vec::with_capacity(groups.len());
    for group in groups {
        let before = editor.clone();
        let done = group.iter().try_for_each(|amendment| {
            let value = doc.value(amendment.at).ok_or_else(|| refused("it is of another text"))?;
            let mut path = path_of(value);
            path.extend(amendment.below.iter().cloned().map(Step::Field));
            editor.make(path, &amendment.edit)
        });
        if done.is_err() {
            editor = before;
        }
        made.push(done);
    }
    Amended { text: editor.text, made }
}

fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

/// One step down from a document's root.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
}

fn path_of(value: Value<'_>) -> Vec<Step> {
    let mut path = Vec::new();
    let mut at = value;
    while let Some(parent) = at.parent() {
        path.push(match at.key() {
            Some(key) => Step::Field(key.to_owned()),
            None => {
                Step::Element(parent.items().position(|i| i.id() == at.id()).unwrap_or(usize::MAX))
            }
        });
        at = parent;
    }
    path.reverse();
    path
}

/// A text and what it means, changed together.
#[derive(Clone)]
struct Editor {
    text: String,
    json: Json,
    /// Places that are gone, as paths of the moment when they went.
    removed: Vec<Vec<Step>>,
    /// What was set, so that two who want different values are noticed.
    set: Vec<(Vec<Step>, Json)>,
}

impl Editor {
    fn new(text: &str) -> Result<Self, Refused> {
        let json = meaning(text)?;
        Ok(Self { text: text.to_owned(), json, removed: Vec::new(), set: Vec::new() })
    }

    fn make(&mut self, mut path: Vec<Step>, edit: &Edit) -> Result<(), Refused> {
        for gone in &self.removed {
            match shifted(&path, gone) {
                Some(now) => path = now,
                None if *edit == Edit::Remove => return Ok(()),
                None => return Err(refused("another fix removes it")),
            }
        }
        if let Edit::Set(value) = edit
            && let Some((_, other)) = self.set.iter().find(|(p, _)| *p == path)
        {
            return match other == value {
                true => Ok(()),
                false => Err(refused(format!("another fix sets it to {other}"))),
            };
        }
        let mut json = self.json.clone();
        if !apply(&mut json, &path, edit)? {
            return Ok(());
        }
        let source = Source::new("", self.text.as_str());
        let documents = read(&source).docs;
        let [doc] = &documents[..] else {
            return Err(refused("its document cannot be read by itself"));
        };
        let text = splice::spliced(doc, &path, edit)?;
        if meaning(&text).as_ref() != Ok(&json) {
            return Err(refused(
                "the text cannot be changed there alone: an anchor, a merge or a style that is \
                 edited by hand",
            ));
        }
        (self.text, self.json) = (text, json);
        match edit {
            Edit::Remove => self.removed.push(path),
            Edit::Set(value) => self.set.push((path, value.clone())),
            Edit::Append(_) => {}
        }
        Ok(())
    }
}

/// The JSON of the one document in a text.
fn meaning(text: &str) -> Result<Json, Refused> {
    let documents = read(&Source::new("", text));
    let [doc] = &documents.docs[..] else {
        return Err(refused("its document cannot be read by itself"));
    };
    serde_json::from_str(&to_json(doc.root())).map_err(|e| refused(e.to_string()))
}

/// The path after `gone` was removed; `None` where it went with it.
fn shifted(path: &[Step], gone: &[Step]) -> Option<Vec<Step>> {
    let (last, around) = gone.split_last()?;
    let mut path = path.to_vec();
    if path.len() < gone.len() || !path.starts_with(around) {
        return Some(path);
    }
    match (&mut path[around.len()], last) {
        (step, last) if step == last => return None,
        (Step::Element(index), Step::Element(removed)) if *index > *removed => *index -= 1,
        _ => {}
    }
    Some(path)
}

/// Makes the edit in the JSON; whether anything changed.
fn apply(json: &mut Json, path: &[Step], edit: &Edit) -> Result<bool, Refused> {
    let absent = || refused("it is not there any more");
    let Some((last, around)) = path.split_last() else {
        return Err(refused("a whole document is not edited"));
    };
    let mut at = json;
    for step in around {
        if at.is_null() && *edit != Edit::Remove {
            *at = Json::Object(serde_json::Map::new());
        }
        at = match (step, at) {
            (Step::Field(name), Json::Object(map)) => match edit {
                Edit::Remove => map.get_mut(name).ok_or_else(absent)?,
                _ => map.entry(name.as_str()).or_insert(Json::Null),
            },
            (Step::Element(index), Json::Array(list)) => list.get_mut(*index).ok_or_else(absent)?,
            _ => return Err(absent()),
        };
    }
    if at.is_null() && matches!(last, Step::Field(_)) && *edit != Edit::Remove {
        *at = Json::Object(serde_json::Map::new());
    }
    match (edit, last, at) {
        (Edit::Remove, Step::Field(name), Json::Object(map)) => {
            map.remove(name).map(|_| true).ok_or_else(absent)
        }
        (Edit::Remove, Step::Element(index), Json::Array(list)) => {
            if *index >= list.len() {
                return Err(absent());
            }
            list.remove(*index);
            Ok(true)
        }
        (Edit::Set(value), Step::Field(name), Json::Object(map)) => {
            Ok(map.insert(name.clone(), value.clone()).as_ref() != Some(value))
        }
        (Edit::Set(value), Step::Element(index), Json::Array(list)) => {
            let slot = list.get_mut(*index).ok_or_else(absent)?;
            Ok(std::mem::replace(slot, value.clone()) != *value)
        }
        (Edit::Append(value), Step::Field(name), Json::Object(map)) => {
            append(map.entry(name.as_str()).or_insert(Json::Null), value)
        }
        (Edit::Append(value), Step::Element(index), Json::Array(list)) => {
            append(list.get_mut(*index).ok_or_else(absent)?, value)
        }
        _ => Err(absent()),
    }
}

fn append(list: &mut Json, value: &Json) -> Result<bool, Refused> {
    match list {
        Json::Null => *list = Json::Array(vec![value.clone()]),
        Json::Array(list) if list.contains(value) => return Ok(false),
        Json::Array(list) => list.push(value.clone()),
        _ => return Err(refused("it is no list")),
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
