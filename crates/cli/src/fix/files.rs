//! The files that are changed: each once, whatever names it was read by.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use pavisade_sources::open_regular;
use pavisade_yaml::Source;

use crate::replace::exchange;

/// Files by the names that they were read by.
#[derive(Default)]
pub(super) struct Files {
    /// Of each name the text, where it is a file's as it was read.
    texts: HashMap<String, Option<String>>,
    /// Of each name of a file the path without links.
    real: HashMap<String, PathBuf>,
    /// Of further names of a file the one that counts.
    others: BTreeMap<String, String>,
    /// Of each name that counts, how many names the file has on its disk.
    links: HashMap<String, u64>,
}

impl Files {
    /// Looks at the files that texts were read from. Of several names of one file, that which is no
    /// symbolic link counts, then the first.
    pub(super) fn of<'a>(sources: impl Iterator<Item = &'a Source>) -> Self {
        let mut files = Self::default();
        let mut names = Vec::new();
        for source in sources {
            let Entry::Vacant(entry) = files.texts.entry(source.name().to_owned()) else {
                continue;
            };
            let name = source.name();
            let read = read(name).ok();
            // Only what stands in a file as it was read can be changed there.
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

    /// Whether a file has that name and counts by another one.
    pub(super) fn is_other(&self, name: &str) -> bool {
        self.others.contains_key(name)
    }

    /// The text of the file of that name, where it can be changed.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.as_deref()
    }

    /// What there is to say of a changed file's names.
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

    /// Puts a text in a file's place at once: whoever reads it sees the old or the new one. What
    /// somebody changed since it was read stays.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        // A symbolic link stays one: what it points at is replaced.
        let file = fs::canonicalize(name)?;
        if self.real.get(name) != Some(&file) {
            return Err(io::Error::other("its name now refers to another file: run again"));
        }
        // Before its name leads elsewhere.
        let others: Vec<PathBuf> =
            self.others_of(name).map(fs::canonicalize).collect::<Result<_, _>>()?;
        let old = self.text(name).unwrap_or_default();
        let links: Vec<_> = others.into_iter().filter(|other| *other != file).collect();
        exchange(&file, &links, old.as_bytes(), text.as_bytes())
    }
}

/// The text of a regular file: opening anything else may wait for ever.
fn read(name: &str) -> io::Result<String> {
    io::read_to_string(open_regular(Path::new(name))?)
}

/// What a file is, whatever its name, and how many names it has.
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
