//! Walks the files below a given directory, in order.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pavisade_model::{Note, NoteKind};
use rayon::slice::ParallelSliceMut as _;

use crate::Scope;
use crate::ignored::{self, Reader, Rules};
use crate::left_out::LeftOut;
use crate::names::{self, KUSTOMIZATION, Named};
use crate::note::{plain_note, unread};
use crate::shown::Shown;

/// The content of a directory.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// All files, by absolute path, whatever their names.
    pub files: Vec<(PathBuf, Named)>,
    pub notes: Vec<Note>,
    /// Whether paths of some files contain links.
    pub linked: bool,
    /// The number of links that were skipped.
    pub links: usize,
    /// The number of files and directories excluded by the configuration.
    pub excluded: usize,
    pub left_out: LeftOut,
}

/// Walks the directory of `shown`.
pub(crate) fn walk(shown: &Shown, limit: usize, scope: &Scope) -> Walked {
    // The content of an archive is in a directory of its own.
    let scope = if shown.is_archive() { Scope::default() } else { scope.below(shown.root()) };
    let boundary = shown.boundary();
    let reader = Reader::new(shown, boundary);
    let walk = |rules| Walk { shown, scope: &scope, boundary, rules }.run();
    let (mut walked, mut links) = walk(Some(&reader));
    if reader.is_over() {
        // Which of them were read depends on the order of threads, so apply none.
        (walked, links) = walk(None);
        walked.notes.push(ignored::too_many(shown));
    } else {
        walked.notes.extend(reader.notes());
    }
    walked.notes.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    in_order(&mut walked.files);
    if walked.files.len() > limit {
        let left_out = walked.files.len() - limit;
        walked.files.truncate(limit);
        let message = format!("more than {limit} files; {left_out} were not scanned");
        let remedy = "Scan parts of the directory separately.";
        walked.notes.push(plain_note(NoteKind::Unread, &shown.given(), message, remedy));
    }
    links.settle(shown, &mut walked);
    if let Some(message) = walked.left_out.message() {
        let remedy = "To scan them, specify them as paths.";
        walked.notes.push(plain_note(NoteKind::Info, &shown.given(), message, remedy));
    }
    walked
}

/// Sorts by path, comparing name by name.
fn in_order(files: &mut [(PathBuf, Named)]) {
    files.par_sort_by_cached_key(|(path, _): &(PathBuf, Named)| {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        bytes.map(|byte| if *byte == b'/' { 0 } else { *byte }).collect::<Vec<u8>>()
    });
}

/// A parallel walk, in which each directory is a task.
struct Walk<'a> {
    shown: &'a Shown,
    scope: &'a Scope,
    boundary: &'a Path,
    /// The ignore files, if they are applied.
    rules: Option<&'a Reader<'a>>,
}

/// The content of some directories.
#[derive(Debug, Default)]
struct Found {
    walked: Walked,
    links: Vec<(PathBuf, Arc<Rules>)>,
}

impl Walk<'_> {
    fn run(&self) -> (Walked, Links) {
        let rules = self.rules.map_or_else(Arc::default, Reader::around);
        let mut links = Links::default();
        let mut found = self.folders(vec![(self.shown.root().to_owned(), rules)]);
        let mut all = std::mem::take(&mut found.walked);
        // Links are followed in order after everything else: which of several links to a target is
        // followed must not depend on threads.
        while !found.links.is_empty() {
            found.links.sort_by(|a, b| a.0.cmp(&b.0));
            let mut folders = Vec::new();
            for (link, rules) in found.links {
                let target = match fs::canonicalize(&link) {
                    Ok(target) => target,
                    Err(error) => {
                        all.broken_link(self.shown, &link, &error);
                        continue;
                    }
                };
                if !target.starts_with(self.boundary) {
                    links.outside.push(link);
                } else if target.is_dir() && leads_up(&link, &target) {
                    all.links += 1;
                } else if links.follow(&link, &target) {
                    match target.is_dir() {
                        true => folders.push((link, rules)),
                        false => self.file(link, target.is_file(), &mut all),
                    }
                }
            }
            found = self.folders(folders);
            all.add(std::mem::take(&mut found.walked));
        }
        (all, links)
    }

    fn folders(&self, folders: Vec<(PathBuf, Arc<Rules>)>) -> Found {
        let found = Mutex::new(Found::default());
        rayon::scope(|threads| {
            for (folder, rules) in folders {
                let found = &found;
                threads.spawn(move |threads| self.folder(threads, folder, rules, found));
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder<'s>(
        &'s self,
        threads: &rayon::Scope<'s>,
        folder: PathBuf,
        around: Arc<Rules>,
        all: &'s Mutex<Found>,
    ) {
        let mut found = Found::default();
        let mut entries = Vec::new();
        let read = fs::read_dir(&folder).and_then(|read| {
            for entry in read {
                let entry = entry?;
                entries.push((entry.file_name(), entry.file_type()?));
            }
            Ok(())
        });
        if let Err(error) = read {
            found.walked.notes.push(unread(&self.shown.name(&folder), &error));
        }
        let has = |name: &str| entries.iter().any(|(entry, _)| entry == name);
        let rules = match self.rules {
            Some(reader) => reader.inside(&folder, has, around),
            None => around,
        };
        for (name, kind) in entries {
            let path = folder.join(name);
            let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
            if let Some(why) = rules.leave_out(&path, is_folder) {
                found.walked.left_out.add(why, &path, kind.is_dir());
                continue;
            }
            if self.scope.excludes(&path) {
                found.walked.excluded += 1;
            } else if kind.is_symlink() {
                found.links.push((path, rules.clone()));
            } else if kind.is_dir() {
                let rules = rules.clone();
                threads.spawn(move |threads| self.folder(threads, path, rules, all));
            } else {
                self.file(path, kind.is_file(), &mut found.walked);
            }
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.walked.add(found.walked);
        all.links.append(&mut found.links);
    }

    /// Adds an entry that is not a directory, by its path.
    fn file(&self, path: PathBuf, is_regular: bool, walked: &mut Walked) {
        // A name that is not valid UTF-8 still has an extension.
        let named = names::named(&names::of(&path));
        if self.scope.passes_over(&path) {
            walked.excluded += 1;
        } else if is_regular {
            walked.files.push((path, named));
        } else if !matches!(named, Named::Other | Named::Template) {
            let message = "not a regular file; it was not opened";
            let remedy = "Specify it as a path to read from it.";
            let note = plain_note(NoteKind::Unread, &self.shown.name(&path), message, remedy);
            walked.notes.push(note);
        }
    }
}

/// Whether a link leads to one of its parent directories.
fn leads_up(link: &Path, target: &Path) -> bool {
    let around = link.parent().and_then(|around| fs::canonicalize(around).ok());
    around.is_some_and(|around| around.starts_with(target))
}

impl Walked {
    fn add(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.notes.append(&mut other.notes);
        self.links += other.links;
        self.excluded += other.excluded;
        self.left_out += other.left_out;
    }

    /// Handles a broken link, which is reported only if its name is relevant. After other errors,
    /// the target may be a directory.
    fn broken_link(&mut self, shown: &Shown, link: &Path, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.notes.push(unread(&shown.name(link), error));
            return;
        }
        if !counts(link) {
            self.links += 1;
            return;
        }
        let message = "a link to a file that does not exist";
        let note = plain_note(NoteKind::Unread, &shown.name(link), message, "Fix or remove it.");
        self.notes.push(note);
    }
}

/// Whether a file with that name is read.
fn counts(path: &Path) -> bool {
    let name = names::of(path);
    !matches!(names::named(&name), Named::Other | Named::Template) || defines_directory(&name)
}

/// Whether a file with that name makes its directory a chart or a kustomization.
fn defines_directory(name: &str) -> bool {
    name == "Chart.yaml" || KUSTOMIZATION.contains(&name)
}

/// Returns the identity of a file independent of links: its resolved path, and its type. For a file
/// that makes its directory a chart or a kustomization, only the directory is resolved.
fn identity(path: &Path) -> (PathBuf, Named) {
    let name = names::of(path);
    let real = match path.parent() {
        Some(folder) if defines_directory(&name) => {
            fs::canonicalize(folder).map(|folder| folder.join(&*name))
        }
        _ => fs::canonicalize(path),
    };
    (real.unwrap_or_else(|_| path.to_owned()), names::named(&name))
}

/// Links found in the walk.
#[derive(Debug, Default)]
struct Links {
    followed: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
    files: HashSet<(PathBuf, Named)>,
    again: usize,
    outside: Vec<PathBuf>,
}

impl Links {
    /// Whether to follow a link: only one for each target. Forty directories with two links each to
    /// the next have a trillion paths.
    fn follow(&mut self, link: &Path, target: &Path) -> bool {
        let new = match target.is_dir() {
            true => self.folders.insert(target.to_owned()),
            false => self.files.insert(identity(link)),
        };
        if new {
            self.followed.insert(link.to_owned());
        } else {
            self.again += 1;
        }
        new
    }

    /// Drops files that are also reached at their own location, and reports links that were not
    /// followed.
    fn settle(self, shown: &Shown, walked: &mut Walked) {
        walked.links += self.again;
        if !self.followed.is_empty() {
            walked.linked = true;
            let (through, own): (Vec<_>, Vec<_>) = walked
                .files
                .drain(..)
                .partition(|(path, _)| path.ancestors().any(|at| self.followed.contains(at)));
            let mut known: HashSet<(PathBuf, Named)> = own.iter().cloned().collect();
            walked.files = own;
            for (path, named) in through {
                if known.insert(identity(&path)) {
                    walked.files.push((path, named));
                } else {
                    walked.links += 1;
                }
            }
            in_order(&mut walked.files);
        }
        for link in self.outside {
            if link.is_dir() || counts(&link) {
                let message = "a link to a location outside the scanned directory; it was not \
                               followed";
                let remedy = "Specify its target as a path, or add the link to .pavisadeignore.";
                let place = shown.name(&link);
                walked.notes.push(plain_note(NoteKind::Unread, &place, message, remedy));
            } else {
                walked.links += 1;
            }
        }
    }
}
