//! The worlds of the Markdown tests and of the examples.

mod image;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_snapshot::{Coverage, Object, Unseen, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

pub(crate) use image::image;

/// A fenced block of a Markdown test.
pub(crate) struct Block {
    pub(crate) heading: String,
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) settings: HashMap<String, String>,
    pub(crate) text: String,
}

pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::new(), String::new());
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_owned();
        } else if let Some(info) = line.strip_prefix("```") {
            let mut words = info.split_whitespace();
            let language = words.next().unwrap_or("").to_owned();
            let settings = words.filter_map(|w| w.split_once('='));
            let settings = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            let body = lines.by_ref().map(|(_, l)| l).take_while(|l| !l.starts_with("```"));
            let text = body.fold(String::new(), |text, l| text + l + "\n");
            blocks.push(Block {
                heading: heading.clone(),
                line: number + 2,
                language,
                settings,
                text,
            });
        }
    }
    blocks
}

pub(crate) fn world(block: &Block, source: &Source) -> Result<WorldParts, String> {
    let mut found = Vec::new();
    if block.language == "image" {
        return Err("it is an image".to_owned());
    }
    if block.language == "dockerfile" {
        let doc = pavisade_yaml::dockerfile(source);
        found.push(Object::new(doc.root(), "pavisade.dev/v1", "Dockerfile"));
    } else {
        let documents = read(source);
        for doc in &documents.docs {
            let notes = documents.notes.iter().filter(|n| doc.span().contains(&n.span.0));
            let unseen: Vec<_> =
                notes.map(|n| Unseen { span: n.span, message: n.message.clone() }).collect();
            let objects = objects(doc.root());
            if let Some(refusal) = objects.refused.first() {
                return Err(refusal.message.clone());
            }
            for object in objects.sent {
                let object = Object::new(object.value, object.api_version, object.kind);
                found.push(object.with_unseen(unseen.clone()));
            }
        }
        let unreadable = |n: &&pavisade_yaml::Note| n.kind == pavisade_yaml::NoteKind::Unreadable;
        if let Some(note) = documents.notes.iter().find(unreadable) {
            return Err(format!("unreadable: {}", note.message));
        }
    }
    let kind = match block.settings.get("world").map(String::as_str) {
        Some("chart") => WorldKind::Chart,
        Some("cluster") => WorldKind::Cluster,
        _ => WorldKind::Files,
    };
    let mut parts = WorldParts::files("test", kind, found);
    parts.default_coverage = match block.settings.get("coverage").map(String::as_str) {
        Some("complete") => Coverage::Complete,
        Some("forbidden") => Coverage::Unread,
        _ => Coverage::Partial,
    };
    Ok(parts)
}

pub(crate) fn files(folder: &Path, extension: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.insert(path.file_stem().unwrap().to_string_lossy().replace('_', "-"), path);
        }
    }
    found
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
