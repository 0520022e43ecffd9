//! Files that a configuration names: values for charts, and user-defined frameworks.
//!
//! The configuration is untrusted: nothing outside its repository is read.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_checks::Catalog;
use pavisade_compliance::{Framework, FrameworkError, builtin};
use pavisade_config::Config;
use pavisade_model::{Note, NoteKind, below, nearest};
use pavisade_yaml::Source;

use super::{Found, read};
use crate::frameworks::own;

/// Makes the paths of values files absolute. Returns notes about invalid ones.
pub(super) fn values(config: &mut Config, found: &Found) -> Vec<Note> {
    let mut wrong = Vec::new();
    for (file, place) in &mut config.helm_values {
        match found.inside(file) {
            Ok(path) => *file = path.display().to_string(),
            Err(why) => wrong.push(fault(place, why, String::new())),
        }
    }
    wrong
}

/// Reads the frameworks. Also returns notes about invalid ones.
pub(super) fn frameworks(
    config: &Config,
    found: &Found,
    catalog: &Catalog,
    frameworks: &mut Vec<Cow<'static, Framework>>,
) -> Vec<Note> {
    let mut wrong = Vec::new();
    for (word, place) in &config.frameworks {
        let framework = match builtin().iter().find(|framework| framework.id == *word) {
            Some(known) => Cow::Borrowed(known),
            None => match from_file(word, place, found, catalog) {
                Ok(framework) => Cow::Owned(framework),
                Err(note) => {
                    wrong.push(note);
                    continue;
                }
            },
        };
        let twice = frameworks.iter().any(|other| other.id == framework.id);
        if twice && matches!(framework, Cow::Owned(_)) {
            let why = format!("another framework in this list has the ID `{}`", framework.id);
            wrong.push(fault(place, &why, "Use a different `id`.".to_owned()));
        } else if !twice {
            frameworks.push(framework);
        }
    }
    wrong
}

fn from_file(
    word: &str,
    place: &Note,
    found: &Found,
    catalog: &Catalog,
) -> Result<Framework, Note> {
    let path = found.inside(word).map_err(|why| {
        let similar = similar(word, found);
        let remedy = similar.map(|name| format!("Did you mean `{name}`?")).unwrap_or_default();
        fault(place, why, remedy)
    })?;
    let shown = std::env::current_dir().ok().and_then(|current| below(&path, &current));
    let shown = shown.unwrap_or_else(|| path.display().to_string());
    let text =
        read(&path, &shown).map_err(|error| fault(place, &format!("{error:#}"), String::new()))?;
    let source = Source::new(shown, text);
    own(source.text(), catalog).map_err(|error| at(&source, error))
}

/// Returns a file with a name similar to a missing one.
fn similar(word: &str, found: &Found) -> Option<String> {
    let (folder, name) = word.rsplit_once('/').unwrap_or((".", word));
    let inside = fs::canonicalize(found.folder().join(folder)).ok()?;
    if found.is_outside(&inside) {
        return None;
    }
    let names = fs::read_dir(inside).ok()?.filter_map(Result::ok);
    let names: Vec<_> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let files = names.iter().map(String::as_str).filter(|name| name.ends_with(".toml"));
    let nearest = nearest(name, files)?;
    Some(word.strip_suffix(name).map_or(nearest.to_owned(), |folder| format!("{folder}{nearest}")))
}

/// Returns a note about an invalid file, at the location that names it.
fn fault(place: &Note, why: &str, remedy: String) -> Note {
    Note { message: format!("{}: {why}", place.message), remedy, ..place.clone() }
}

/// Returns a note about an invalid framework file, at its position.
fn at(source: &Source, error: FrameworkError) -> Note {
    let start: usize = source.text().split_inclusive('\n').take(error.line - 1).map(str::len).sum();
    let rest = source.text().get(start..).unwrap_or("");
    let column = rest.char_indices().nth(error.column - 1).map_or(rest.len(), |(at, _)| at);
    let (start, word) = (start + column, rest.get(column..).unwrap_or(""));
    // Mark a quoted string as a whole.
    let length = match word.strip_prefix('"').and_then(|inside| inside.find('"')) {
        Some(end) => end + 2,
        None => 1,
    };
    let (start, end) = (start as u32, (start + length) as u32);
    Note {
        kind: NoteKind::Unread,
        place: source.name().to_owned(),
        span: Some((source.clone(), start, end.min(source.text().len() as u32).max(start))),
        message: error.message,
        remedy: String::new(),
    }
}

impl Found {
    /// Returns the directory that its paths are relative to.
    fn folder(&self) -> &Path {
        let folder = self.file.parent().unwrap_or(&self.file);
        self.folders.first().map_or(folder, PathBuf::as_path)
    }

    fn is_outside(&self, path: &Path) -> bool {
        self.boundary.as_ref().is_some_and(|boundary| !path.starts_with(boundary))
    }

    /// Returns the path of a file that it names.
    ///
    /// # Errors
    /// The file does not exist or may not be read.
    fn inside(&self, name: &str) -> Result<PathBuf, &'static str> {
        let path = fs::canonicalize(self.folder().join(name)).ok().filter(|path| path.is_file());
        let path = path.ok_or("no such file")?;
        match self.is_outside(&path) {
            true => Err("this file is outside the repository"),
            false => Ok(path),
        }
    }
}
