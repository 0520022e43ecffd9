//! Ignore files: `.pavisadeignore`, `.ignore`, `.gitignore` and Git's `info/exclude`, in this order
//! of precedence. Of each kind, the nearest file decides.
//!
//! They are not read by the `ignore` crate, which opens any file with such a name and needs
//! hundreds of bytes of memory for each byte of a pattern. A file that exceeds the limits is not
//! applied, so more is scanned, and a note reports it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use pavisade_model::{Note, NoteKind};

use crate::note::{plain_note, size};
use crate::open::Bytes;
use crate::open::read_inside;
use crate::shown::Shown;

const FILES: [&str; 4] = [".pavisadeignore", ".ignore", ".gitignore", ".git/info/exclude"];
/// Limits for one file.
const MAX_BYTES: u64 = 128 << 10;
const MAX_PATTERNS: usize = 4000;
/// Limit for all files of a given path. Only patterns with wildcards count, which need up to 6 KB
/// each.
const MAX_WILDCARDS: usize = 50_000;

/// The rules of the ignore files in a directory and its parents.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    around: Option<Arc<Rules>>,
    /// In the order of [`FILES`].
    own: Vec<Gitignore>,
}

/// Why something is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Ignored,
    Hidden,
}

impl Rules {
    /// Returns why a path is excluded. A pattern can also include hidden files.
    pub(crate) fn leave_out(&self, path: &Path, is_folder: bool) -> Option<Why> {
        match self.matched(path, is_folder) {
            Match::Ignore(()) => Some(Why::Ignored),
            Match::Whitelist(()) => None,
            Match::None => {
                let name = path.file_name().unwrap_or_default();
                name.as_encoded_bytes().starts_with(b".").then_some(Why::Hidden)
            }
        }
    }

    fn matched(&self, path: &Path, is_folder: bool) -> Match<()> {
        for kind in 0..FILES.len() {
            let mut at = Some(self);
            while let Some(rules) = at {
                let own = rules.own.get(kind);
                let said = own.map_or(Match::None, |own| own.matched(path, is_folder).map(|_| ()));
                if !said.is_none() {
                    return said;
                }
                at = rules.around.as_deref();
            }
        }
        Match::None
    }
}

/// Reads ignore files.
pub(crate) struct Reader<'a> {
    shown: &'a Shown,
    boundary: &'a Path,
    wildcards: AtomicUsize,
    notes: Mutex<Vec<Note>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(shown: &'a Shown, boundary: &'a Path) -> Self {
        Self { shown, boundary, wildcards: AtomicUsize::new(0), notes: Mutex::default() }
    }

    /// Returns the rules above the given path, within its repository.
    pub(crate) fn around(&self) -> Arc<Rules> {
        let root = self.shown.root();
        let around = root.ancestors().skip(1).take_while(|path| path.starts_with(self.boundary));
        let around: Vec<_> = around.collect();
        let rules = Arc::new(Rules::default());
        around.into_iter().rev().fold(rules, |rules, folder| self.inside(folder, |_| true, rules))
    }

    /// Returns the rules in a directory. `has` returns whether a name exists in it.
    pub(crate) fn inside(
        &self,
        folder: &Path,
        has: impl Fn(&str) -> bool,
        around: Arc<Rules>,
    ) -> Arc<Rules> {
        let read = |file: &&str| match has(file.split('/').next().unwrap_or(file)) {
            true => self.file(folder, file),
            false => Gitignore::empty(),
        };
        let own: Vec<_> = FILES.iter().map(read).collect();
        match own.iter().all(Gitignore::is_empty) {
            true => around,
            false => Arc::new(Rules { around: Some(around), own }),
        }
    }

    /// Whether the total number of patterns exceeds the limit.
    pub(crate) fn is_over(&self) -> bool {
        self.wildcards.load(Ordering::Relaxed) > MAX_WILDCARDS
    }

    /// Returns the notes.
    pub(crate) fn notes(self) -> Vec<Note> {
        self.notes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, folder: &Path, file: &str) -> Gitignore {
        use io::ErrorKind::{NotADirectory, NotFound};
        let path = folder.join(file);
        let bytes = match read_inside(&path, self.boundary, MAX_BYTES) {
            Ok(Bytes::All(bytes)) => bytes,
            Ok(Bytes::TooMany) => {
                return self.refuse(&path, &format!("larger than {}", size(MAX_BYTES)));
            }
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => {
                return Gitignore::empty();
            }
            Err(error) => return self.refuse(&path, &error.to_string()),
        };
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        if lines.clone().count() > MAX_PATTERNS {
            return self.refuse(&path, &format!("more than {MAX_PATTERNS} patterns"));
        }
        let wildcards = lines.clone().filter(|line| line.contains(['*', '?', '[', '{'])).count();
        self.wildcards.fetch_add(wildcards, Ordering::Relaxed);
        if self.is_over() {
            return Gitignore::empty();
        }
        let mut builder = GitignoreBuilder::new(folder);
        for line in lines {
            // An invalid pattern excludes nothing.
            let _ = builder.add_line(None, line);
        }
        builder.build().unwrap_or_else(|_| Gitignore::empty())
    }

    fn refuse(&self, path: &Path, why: &str) -> Gitignore {
        let message = format!("{why}; this ignore file is not applied");
        let note = plain_note(NoteKind::Warning, &self.shown.name(path), message, "");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        Gitignore::empty()
    }
}

/// Returns the note that no ignore file is applied.
pub(crate) fn too_many(shown: &Shown) -> Note {
    let message =
        format!("the ignore files contain more than {MAX_WILDCARDS} wildcards; none is applied");
    plain_note(
        NoteKind::Warning,
        &shown.given(),
        message,
        "Scan parts of the directory separately.",
    )
}
