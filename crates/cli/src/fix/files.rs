//! The files to change, each once even if it was read under several names.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use pavisade_sources::open_regular;
use pavisade_yaml::Source;

use crate::replace::exchange;

/// Files by the names that they were read under.
#[derive(Default)]
pub(super) struct Files {
    /// The text by name, if the file still has the content that was read.
    texts: HashMap<String, Option<String>>,
    /// The path without links by file name.
    real: HashMap<String, PathBuf>,
    /// The primary name by each further name of a file.
    others: BTreeMap<String, String>,
    /// The number of hard links by primary name.
    links: HashMap<String, u64>,
}

impl Files {
    /// Looks up the files that texts were read from. The primary name is the first that is not a
    /// symbolic link, or else the first.
    pub(super) fn of<'a>(sources: impl Iterator<Item = &'a Source>) -> Self {
        let mut files = Self::default();
        let mut names = Vec::new();
        for source in sources {
            let Entry::Vacant(entry) = files.texts.entry(source.name().to_owned()) else {
                continue;
            };
            let name = source.name();
            let read = read(name).ok();
            // Only a file with exactly the content that was read can be changed.
            let same =
                |text: &String| text.trim_end_matches('\n') == source.text().trim_end_matches('\n');
            let read = read.filter(same);
            if read.is_some() {
                files.real.extend(fs::canonicalize(name).map(|real| (name.to_owned(), real)));
                names.push((Path::new(name).is_symlink(), name.to_owned()));
            }
            entry.insert(read);
        }
        names.sort();
        let mut known = HashMap::new();
        for (_, name) in names {
            let Some((identity, links)) = identity(Path::new(&name)) else { continue };
            match known.entry(identity) {
                Entry::Vacant(entry) => {
                    entry.insert(name.clone());
                    files.links.insert(name, links);
                }
                Entry::Occupied(entry) => {
                    files.others.insert(name, entry.get().clone());
                }
            }
        }
        files
    }

    /// Returns whether this is another name of a file.
    pub(super) fn is_other(&self, name: &str) -> bool {
        self.others.contains_key(name)
    }

    /// Returns the text of a file that can be changed.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.as_deref()
    }

    /// Returns notes about other names of a changed file.
    pub(super) fn notes(&self, name: &str) -> Vec<String> {
        let mut notes = Vec::new();
        let others: Vec<_> = self.others_of(name).collect();
        if !others.is_empty() {
            notes.push(format!("{} is the same file as {name}: changed once", others.join(", ")));
        }
        let hard = iter::once(name).chain(others).filter_map(|name| fs::canonicalize(name).ok());
        let hard: HashSet<_> = hard.collect();
        let unknown =
            self.links.get(name).map_or(0, |links| links.saturating_sub(hard.len() as u64));
        if unknown > 0 {
            notes.push(format!(
                "{name} has {unknown} more {} on its disk that are not among these files: they \
                 keep their content",
                if unknown == 1 { "name" } else { "names" }
            ));
        }
        notes
    }

    fn others_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let others = self.others.iter().filter(move |(_, first)| *first == name);
        others.map(|(other, _)| other.as_str())
    }

    /// Replaces the content of a file atomically: readers see the old or the new text. A file that
    /// was changed in the meantime is left alone.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        // Replace the target of a symbolic link instead of the link.
        let file = fs::canonicalize(name)?;
        if self.real.get(name) != Some(&file) {
            return Err(io::Error::other("its name now refers to another file: run again"));
        }
        // Resolve these before the name refers to another file.
        let others: Vec<PathBuf> =
            self.others_of(name).map(fs::canonicalize).collect::<Result<_, _>>()?;
        let old = self.text(name).unwrap_or_default();
        let links: Vec<_> = others.into_iter().filter(|other| *other != file).collect();
        exchange(&file, &links, old.as_bytes(), text.as_bytes())
    }
}

/// Reads a regular file: opening anything else may block.
fn read(name: &str) -> io::Result<String> {
    io::read_to_string(open_regular(Path::new(name))?)
}

/// Returns the device and inode of a file, and the number of its hard links.
#[cfg(unix)]
fn identity(path: &Path) -> Option<((u64, u64), u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let file = fs::metadata(path).ok()?;
    Some(((file.dev(), file.ino()), file.nlink()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(PathBuf, u64)> {
    Some((fs::canonicalize(path).ok()?, 1))
}
