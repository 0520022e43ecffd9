//! The files below a given folder, in order.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{Error, WalkBuilder, WalkState};
use pavisade_model::{Note, NoteKind};
use rayon::slice::ParallelSliceMut as _;

use crate::Scope;
use crate::file::{plain_note, unread};
use crate::left_out::{self, LeftOut};
use crate::names::{self, Named};
use crate::shown::Shown;

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Every file, by absolute path, whatever its name.
    pub files: Vec<(PathBuf, Named)>,
    pub notes: Vec<Note>,
    /// Links that were left out.
    pub links: usize,
    /// Files and folders that the configuration leaves out.
    pub excluded: usize,
    pub left_out: LeftOut,
}

/// Walks the folder that `shown` stands for.
pub(crate) fn walk(shown: &Shown, limit: usize, scope: &Scope) -> Walked {
    let root = shown.root();
    let repository = root.ancestors().find(|folder| folder.join(".git").exists());
    let boundary = repository.unwrap_or(root).to_owned();
    // What an archive holds is in a folder of its own.
    let scope = if shown.is_archive() { Scope::default() } else { scope.below(root) };
    let mut builder = WalkBuilder::new(root);
    builder
        .require_git(false)
        // Above a repository, or where there is none, ignore files are not about this folder.
        .parents(repository.is_some() && !shown.is_archive())
        .git_global(false)
        .add_custom_ignore_filename(".pavisadeignore");
    if scope.is_all()
        && let Some(Found { files, folders }) = at_once(&builder, limit)
    {
        let mut walked = Walked { files, ..Walked::default() };
        let files = walked.files.iter().map(|(path, _)| path.as_os_str());
        let known = files.chain(folders.iter().map(|path| path.as_os_str())).collect();
        let left_out = left_out::count(&folders, &known);
        walked.say(shown, left_out);
        return walked;
    }
    let links = Arc::new(Mutex::new(Links::default()));
    let seen = links.clone();
    let excluded = Arc::new(AtomicUsize::new(0));
    let (count, exclude) = (excluded.clone(), scope.clone());
    let met = Arc::new(Mutex::new(Vec::new()));
    let meets = met.clone();
    let walk = builder
        .follow_links(true)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| {
            meets.lock().unwrap_or_else(PoisonError::into_inner).push(entry.path().to_owned());
            if entry.depth() > 0 && exclude.excludes(entry.path()) {
                count.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            if !entry.path_is_symlink() || entry.depth() == 0 {
                return true;
            }
            let mut links = seen.lock().unwrap_or_else(PoisonError::into_inner);
            match fs::canonicalize(entry.path()) {
                Ok(target) if target.starts_with(&boundary) => links.follow(entry.path(), target),
                Ok(_) => {
                    links.outside.push(entry.path().to_owned());
                    false
                }
                Err(_) => true,
            }
        })
        .build();
    let mut walked = Walked::default();
    let (mut left_out, mut folders) = (0_usize, Vec::new());
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                failed(shown, &error, &mut walked);
                let broken = path_of(&error).map(Path::to_owned);
                met.lock().unwrap_or_else(PoisonError::into_inner).extend(broken);
                continue;
            }
        };
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            folders.push(entry.into_path());
        } else if entry.file_type().is_some_and(|kind| kind.is_file()) {
            if scope.passes_over(entry.path()) {
                walked.excluded += 1;
                continue;
            }
            if walked.files.len() == limit {
                left_out += 1;
                continue;
            }
            // A name that is no UTF-8 still has its extension.
            let named = names::named(&entry.file_name().to_string_lossy());
            walked.files.push((entry.into_path(), named));
        }
    }
    walked.excluded += excluded.load(Ordering::Relaxed);
    if left_out > 0 {
        let message = format!("more than {limit} files; {left_out} were not looked at");
        let remedy = "Scan parts of the folder one by one.";
        walked.notes.push(plain_note(NoteKind::Unread, &shown.given(), message, remedy));
    }
    let links = std::mem::take(&mut *links.lock().unwrap_or_else(PoisonError::into_inner));
    links.settle(shown, &mut walked);
    let met = std::mem::take(&mut *met.lock().unwrap_or_else(PoisonError::into_inner));
    let known = met.iter().map(|path| path.as_os_str()).collect();
    walked.say(shown, left_out::count(&folders, &known));
    walked
}

impl Walked {
    fn say(&mut self, shown: &Shown, left_out: LeftOut) {
        self.left_out = left_out;
        if let Some(message) = left_out.message() {
            let remedy = "To scan them, name them as paths.";
            self.notes.push(plain_note(NoteKind::Info, &shown.given(), message, remedy));
        }
    }
}

/// What several threads found.
#[derive(Debug, Default)]
struct Found {
    files: Vec<(PathBuf, Named)>,
    folders: Vec<PathBuf>,
}

/// The files of a folder that holds nothing odd, found by several threads: no links, which are
/// followed in order, nothing that cannot be read, and not too much.
fn at_once(builder: &WalkBuilder, limit: usize) -> Option<Found> {
    let (found, odd) = (Mutex::new(Found::default()), AtomicBool::new(false));
    builder.clone().threads(rayon::current_num_threads()).build_parallel().run(|| {
        let mut own = Own { found: Found::default(), all: &found };
        let odd = &odd;
        Box::new(move |entry| {
            let Ok(entry) = entry else {
                odd.store(true, Ordering::Relaxed);
                return WalkState::Quit;
            };
            if entry.path_is_symlink() {
                odd.store(true, Ordering::Relaxed);
                return WalkState::Quit;
            }
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                own.found.folders.push(entry.into_path());
            } else if entry.file_type().is_some_and(|kind| kind.is_file()) {
                // A name that is no UTF-8 still has its extension.
                let named = names::named(&entry.file_name().to_string_lossy());
                own.found.files.push((entry.into_path(), named));
            }
            WalkState::Continue
        })
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if odd.into_inner() || found.files.len() > limit {
        return None;
    }
    // In the order of paths, which compares them name by name.
    found.files.par_sort_by_cached_key(|(path, _): &(PathBuf, Named)| {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        bytes.map(|byte| if *byte == b'/' { 0 } else { *byte }).collect::<Vec<u8>>()
    });
    Some(found)
}

/// What one thread found; handed over when it ends.
struct Own<'a> {
    found: Found,
    all: &'a Mutex<Found>,
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.files.append(&mut self.found.files);
        all.folders.append(&mut self.found.folders);
    }
}

/// Links that the walk met.
#[derive(Debug, Default)]
struct Links {
    /// With what they lead to.
    followed: HashMap<PathBuf, PathBuf>,
    targets: HashSet<PathBuf>,
    again: usize,
    outside: Vec<PathBuf>,
}

impl Links {
    /// Whether a link is to be followed: one for each target. Forty folders with two links each to
    /// the next have a million million paths.
    fn follow(&mut self, link: &Path, target: PathBuf) -> bool {
        if !self.targets.insert(target.clone()) {
            self.again += 1;
            return false;
        }
        self.followed.insert(link.to_owned(), target);
        true
    }

    /// Drops files that are reached at their own place as well, and says what was not followed.
    fn settle(self, shown: &Shown, walked: &mut Walked) {
        walked.links += self.again;
        if !self.followed.is_empty() {
            let linked = |path: &Path| {
                path.ancestors().find_map(|link| {
                    let target = self.followed.get(link)?;
                    let rest = path.strip_prefix(link).ok()?;
                    let file = rest.as_os_str().is_empty();
                    Some(if file { target.clone() } else { target.join(rest) })
                })
            };
            let (through, own): (Vec<_>, Vec<_>) =
                walked.files.drain(..).partition(|(path, _)| linked(path).is_some());
            let mut places: HashSet<PathBuf> = own.iter().map(|(path, _)| path.clone()).collect();
            walked.files = own;
            for (path, named) in through {
                let target = linked(&path).unwrap_or_default();
                let target = fs::canonicalize(&target).unwrap_or(target);
                if places.insert(target) {
                    walked.files.push((path, named));
                } else {
                    walked.links += 1;
                }
            }
            walked.files.sort_by(|a, b| a.0.cmp(&b.0));
        }
        for link in self.outside {
            let name = names::of(&link);
            let folder = link.is_dir();
            if folder || !matches!(names::named(&name), Named::Other | Named::Template) {
                let message = "a link that leads outside; it was not followed";
                let remedy = "Name what it leads to as a path of its own, or the link in \
                              .pavisadeignore.";
                let place = shown.name(&link);
                walked.notes.push(plain_note(NoteKind::Unread, &place, message, remedy));
            } else {
                walked.links += 1;
            }
        }
    }
}

/// An entry that the walk could not look at.
fn failed(shown: &Shown, error: &Error, walked: &mut Walked) {
    let path = path_of(error);
    if is_loop(error) {
        walked.links += 1;
        return;
    }
    let place = path.map_or_else(|| shown.given(), |path| shown.name(path));
    // A link to nothing matters only under a name that counts.
    if path.is_some_and(Path::is_symlink) {
        let name = path.map(names::of).unwrap_or_default();
        if matches!(names::named(&name), Named::Other | Named::Template) {
            walked.links += 1;
            return;
        }
        let message = "a link to something that is not there";
        walked.notes.push(plain_note(NoteKind::Unread, &place, message, "Mend or remove it."));
        return;
    }
    match error.io_error() {
        Some(io) => walked.notes.push(unread(&place, io)),
        None => {
            let note = plain_note(NoteKind::Unread, &place, error.to_string(), "");
            walked.notes.push(note);
        }
    }
}

fn path_of(error: &Error) -> Option<&Path> {
    match error {
        Error::WithPath { path, .. } => Some(path),
        Error::WithDepth { err, .. } | Error::WithLineNumber { err, .. } => path_of(err),
        Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn is_loop(error: &Error) -> bool {
    match error {
        Error::Loop { .. } => true,
        Error::WithPath { err, .. }
        | Error::WithDepth { err, .. }
        | Error::WithLineNumber { err, .. } => is_loop(err),
        _ => false,
    }
}
