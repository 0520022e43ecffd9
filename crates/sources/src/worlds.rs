//! Splits a world that would contain an object twice.

use std::collections::{HashMap, HashSet};

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, ObjectId, World, WorldKind, WorldParts};
use pavisade_yaml::SourceId;
use rayon::prelude::*;

/// Worlds, and notes about them.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub worlds: Vec<World>,
    /// The number of worlds and an example of two different objects, if it was split.
    pub split: Option<(usize, String)>,
    /// Notes on duplicate objects in a file.
    pub notes: Vec<Note>,
}

/// Creates a world of objects. If an object occurs twice with different content, creates several:
/// one per directory, or if that is not sufficient, one per file.
///
/// A patch of another object is not a duplicate: each file with such patches becomes a world of its
/// own.
pub(crate) fn worlds(name: &str, kind: WorldKind, objects: Vec<Object>) -> Split {
    let whole: HashSet<_> =
        objects.iter().filter(|o| !o.is_patch()).map(|o| o.id().clone()).collect();
    let is_of_another = |object: &Object| object.is_patch() && whole.contains(object.id());
    let (patches, objects): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_of_another);
    let mut split = split(name, kind, objects);
    for (file, patches) in grouped(patches, str::to_owned) {
        split.worlds.push(world(&file, kind, patches));
    }
    split
}

fn split(name: &str, kind: WorldKind, objects: Vec<Object>) -> Split {
    let mut split = Split::default();
    let example = match copies(&objects) {
        Ok(copies) => {
            if !objects.is_empty() {
                split.worlds.push(world(name, kind, without(objects, &copies)));
            }
            return split;
        }
        Err(example) => example,
    };
    let folders: Vec<_> = grouped(objects, |source| folder(name, source)).collect();
    let of_folders = folders.into_par_iter().map(|(folder, objects)| {
        if let Ok(copies) = copies(&objects) {
            return (vec![world(&folder, kind, without(objects, &copies))], Vec::new());
        }
        let (mut worlds, mut notes) = (Vec::new(), Vec::new());
        for (file, objects) in grouped(objects, str::to_owned) {
            notes.extend(overridden(&objects));
            worlds.push(world(&file, kind, objects));
        }
        (worlds, notes)
    });
    for (worlds, notes) in of_folders.collect::<Vec<_>>() {
        split.worlds.extend(worlds);
        split.notes.extend(notes);
    }
    if split.worlds.len() > 1 {
        split.split = Some((split.worlds.len(), example));
    }
    split
}

fn world(name: &str, kind: WorldKind, objects: Vec<Object>) -> World {
    World::new(WorldParts::files(name, kind, objects))
}

/// Returns which objects are copies of earlier ones.
///
/// # Errors
/// Two objects have the same id and different content.
fn copies(objects: &[Object]) -> Result<Vec<bool>, String> {
    let mut known: HashMap<&ObjectId, &Object> = HashMap::with_capacity(objects.len());
    let is_copy = |object| {
        // Objects without a name are distinguished by location.
        if Object::name(object).is_empty() {
            return Ok(false);
        }
        match known.insert(object.id(), object) {
            None => Ok(false),
            Some(first) if same(first, object) => Ok(true),
            Some(first) => Err(describe(first, object)),
        }
    };
    objects.iter().map(is_copy).collect()
}

/// Compares the texts first, which is faster than [`Object::same_content`].
fn same(a: &Object, b: &Object) -> bool {
    a.value().id() == b.value().id() && text(a) == text(b) || a.same_content(b)
}

/// Returns the document that contains an object.
fn text(object: &Object) -> Option<&str> {
    let span = object.doc().span();
    object.doc().source().text().get(span.start as usize..span.end as usize)
}

fn without(objects: Vec<Object>, copies: &[bool]) -> Vec<Object> {
    let kept = objects.into_iter().zip(copies).filter(|(_, is_copy)| !**is_copy);
    kept.map(|(object, _)| object).collect()
}

fn describe(first: &Object, second: &Object) -> String {
    let label = first.subject(None).label();
    let (a, b) = (first.doc().source().shown(), second.doc().source().shown());
    if a == b { format!("{label} twice in {a}") } else { format!("{label} in {a} and {b}") }
}

fn grouped(
    objects: Vec<Object>,
    key: impl Fn(&str) -> String,
) -> impl Iterator<Item = (String, Vec<Object>)> {
    let mut groups: Vec<(String, Vec<Object>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    // Objects of one text are contiguous.
    let mut last: Option<(SourceId, usize)> = None;
    for object in objects {
        let source = object.doc().source();
        let text = source.id();
        let place = match last {
            Some((same, place)) if same == text => place,
            _ => *places.entry(key(&source.shown())).or_insert_with_key(|name| {
                groups.push((name.clone(), Vec::new()));
                groups.len() - 1
            }),
        };
        last = Some((text, place));
        groups[place].1.push(object);
    }
    groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    groups.into_iter()
}

/// Returns the directory of a source in a world.
fn folder(world: &str, source: &str) -> String {
    if let Some(member) = source.strip_prefix(world).and_then(|rest| rest.strip_prefix(':')) {
        return match member.rsplit_once('/') {
            Some((folder, _)) => format!("{world}:{folder}"),
            None => world.to_owned(),
        };
    }
    match source.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    }
}

/// Returns notes on objects that occur again with different content later in the same file.
fn overridden(objects: &[Object]) -> Vec<Note> {
    let last: HashMap<&ObjectId, usize> =
        objects.iter().enumerate().map(|(index, object)| (object.id(), index)).collect();
    let lost = objects.iter().enumerate().filter(|(index, object)| {
        !object.name().is_empty() && last.get(object.id()) != Some(index)
    });
    lost.map(|(_, object)| {
        let (source, span) = (object.doc().source(), object.value().span());
        Note {
            kind: NoteKind::Warning,
            place: source.shown().into_owned(),
            span: Some((source.clone(), span.start, span.start + 1)),
            message: format!(
                "{} is defined again below with different content; the last definition applies",
                object.subject(None).label()
            ),
            remedy: "Remove one of them.".into(),
        }
    })
    .collect()
}
