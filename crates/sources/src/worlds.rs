//! Which objects are joined: a world that would hold an object twice is split.

use std::collections::{HashMap, HashSet};

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, ObjectId, World, WorldKind, WorldParts};
use pavisade_yaml::SourceId;
use rayon::prelude::*;

/// Worlds, with what is to be said of them.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub worlds: Vec<World>,
    /// Into how many, with an example of two that differ, where there was a need to.
    pub split: Option<(usize, String)>,
    /// Objects given twice in one file.
    pub notes: Vec<Note>,
}

/// Makes one world of objects, or several where an object stands twice and differs: one of each
/// folder, and one of each file in a folder where that is not enough.
///
/// A patch of an object that is there too is not a second object: each file of such patches is a
/// world of its own.
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

/// Which objects say what one before them says.
///
/// # Errors
/// Two that have one id and differ.
fn copies(objects: &[Object]) -> Result<Vec<bool>, String> {
    let mut known: HashMap<&ObjectId, &Object> = HashMap::with_capacity(objects.len());
    let is_copy = |object| {
        // What has no name is told apart by its place.
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

/// [`Object::same_content`], which writes both out, only where the texts differ.
fn same(a: &Object, b: &Object) -> bool {
    a.value().id() == b.value().id() && text(a) == text(b) || a.same_content(b)
}

/// The document that an object is in.
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
    // Objects of one text follow each other.
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

/// The folder of a source in a world.
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

/// Notes on objects that stand again, and differently, below in the same file.
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
