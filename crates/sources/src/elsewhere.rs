//! Content that objects install from elsewhere, and whether it was read in this scan.
//!
//! `pavisade_snapshot::Object::installs` determines what each object installs. This module compares
//! paths: a directory of the scanned repository that was not read makes the result incomplete.
//! Content of other repositories, or without a known location, is only reported.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Install, Object, Origin};

use crate::open::Bytes;
use crate::open::read_inside;
use crate::shown::{Shown, normal};

/// Maximum number of items per note.
const SHOWN: usize = 5;

/// All content that is installed, and the directories that were read.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    found: Vec<Found>,
    /// URLs of Flux sources by kind and name. `None` if sources with the same name differ.
    addresses: HashMap<(String, String), Option<String>>,
    read: BTreeSet<PathBuf>,
    /// The names of the remotes of Git repositories, by directory.
    remotes: HashMap<PathBuf, Arc<[String]>>,
}

#[derive(Debug)]
struct Found {
    object: Object,
    install: Install,
    /// The local directory that it may refer to.
    folder: Option<Local>,
}

#[derive(Debug, Clone)]
struct Local {
    path: PathBuf,
    shown: String,
    /// The names of the Git repository's remotes. Empty if not known.
    remotes: Arc<[String]>,
    /// Whether it is the whole repository.
    whole: bool,
}

/// The directories that a path in a repository may be relative to.
#[derive(Debug)]
pub(crate) struct Base<'a> {
    pub shown: &'a Shown,
    /// The Git repository that contains the given path, or else the path itself.
    pub boundary: &'a Path,
}

/// The content of a note: the installing objects, and descriptions.
type Group<'a> = Vec<(&'a Found, String)>;

impl Elsewhere {
    /// Records that something in a directory was read.
    pub(crate) fn read(&mut self, folder: &Path) {
        if !self.read.contains(folder) {
            self.read.insert(folder.to_owned());
        }
    }

    /// Records what an object installs.
    pub(crate) fn look(&mut self, object: &Object, base: Option<&Base<'_>>) {
        if let Some(address) = object.source_address() {
            let key = (object.kind().to_owned(), object.name().to_owned());
            let known = self.addresses.entry(key).or_insert_with(|| Some(address.clone()));
            if known.as_ref() != Some(&address) {
                *known = None;
            }
        }
        for install in object.installs() {
            let path = install.path.as_deref();
            let folder = path.zip(base).and_then(|(path, base)| self.folder(base, path));
            self.found.push(Found { object: object.clone(), install, folder });
        }
    }

    /// Returns the directory for a path in a repository, if it exists.
    fn folder(&mut self, base: &Base<'_>, path: &str) -> Option<Local> {
        let path = base.folder(path)?;
        let known = self.remotes.get(base.boundary).cloned();
        let remotes = known.unwrap_or_else(|| {
            let remotes: Arc<[String]> = remotes(base.boundary).into();
            self.remotes.insert(base.boundary.to_owned(), remotes.clone());
            remotes
        });
        let whole = path == base.boundary || path == base.shown.root();
        Some(Local { shown: base.shown.name(&path), whole, remotes, path })
    }

    /// Returns one note for each kind of object and severity.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let mut groups: BTreeMap<_, Group<'_>> = BTreeMap::new();
        for found in &self.found {
            let Some((kind, text)) = self.judge(found) else { continue };
            let inside = found.install.origin == Origin::Inside;
            groups.entry((kind, found.object.kind(), inside)).or_default().push((found, text));
        }
        groups.into_iter().filter_map(|((kind, _, inside), of)| note(kind, inside, &of)).collect()
    }

    /// Returns the message for installed content. `None` if it was read.
    fn judge(&self, found: &Found) -> Option<(NoteKind, String)> {
        let Install { what, origin, .. } = &found.install;
        let (address, named) = match origin {
            Origin::Inside => return Some((NoteKind::Unread, what.clone())),
            Origin::Unknown => (None, String::new()),
            Origin::Address(address) => (Some(address.as_str()), format!(" of {}", shown(address))),
            Origin::Source(kind, name) => {
                let address = self.addresses.get(&(kind.clone(), name.clone()));
                match address.and_then(Option::as_deref) {
                    Some(address) => (Some(address), format!(" of {}", shown(address))),
                    None => (None, format!(" of {kind} `{name}`")),
                }
            }
        };
        if let Some(local) = found.folder.as_ref().filter(|local| local.is_meant(address)) {
            return match self.is_read(&local.path) {
                true => None,
                false => Some((NoteKind::Unread, format!("`{}`", local.shown))),
            };
        }
        Some((NoteKind::Unjudged, format!("{what}{named}")))
    }

    fn is_read(&self, folder: &Path) -> bool {
        let mut after = self.read.range(folder.to_owned()..);
        after.next().is_some_and(|read| read.starts_with(folder))
    }
}

impl Base<'_> {
    /// Returns the directory for a path in a repository, if it exists.
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let inside = |base: &Path| {
            let folder = fs::canonicalize(normal(&base.join(path))).ok()?;
            (folder.starts_with(base) && folder.is_dir()).then_some(folder)
        };
        // A copy of a repository has no `.git`. Such a scan usually starts in its root.
        let here = || {
            let here = fs::canonicalize(".").ok()?;
            if self.shown.root().starts_with(&here) { inside(&here) } else { None }
        };
        inside(self.boundary).or_else(|| inside(self.shown.root())).or_else(here)
    }
}

impl Local {
    /// Whether a URL refers to this repository. A copy or a fork has a different URL but the same
    /// name. If nothing is known, an existing directory is assumed to be meant, except the root,
    /// which exists in every repository.
    fn is_meant(&self, address: Option<&str>) -> bool {
        match address.filter(|_| !self.remotes.is_empty()) {
            Some(address) => self.remotes.iter().any(|remote| *remote == repository(address)),
            None => !self.whole,
        }
    }
}

/// Maximum size of Git's configuration, in bytes.
const MAX_GIT_CONFIG: u64 = 1 << 20;

/// Returns the names of a Git repository's remotes.
fn remotes(boundary: &Path) -> Vec<String> {
    let read = read_inside(&boundary.join(".git/config"), boundary, MAX_GIT_CONFIG);
    let Ok(Bytes::All(config)) = read else { return Vec::new() };
    let config = String::from_utf8_lossy(&config);
    let lines = config.lines().filter_map(|line| line.trim().split_once('='));
    let urls = lines.filter(|(key, _)| key.trim() == "url");
    urls.map(|(_, url)| repository(url.trim()).to_owned()).collect()
}

/// Returns the last part of a repository's URL.
fn repository(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix(".git").unwrap_or(address);
    address.rsplit(['/', ':']).next().unwrap_or(address)
}

/// Returns a URL without credentials.
fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let login = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[login..])
}

/// Returns one note on all objects of a kind.
fn note(kind: NoteKind, inside: bool, of: &[(&Found, String)]) -> Option<Note> {
    let (first, _) = of.first()?;
    let objects: BTreeSet<_> = of.iter().map(|(found, _)| found.object.id()).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut texts = of.iter().map(|(_, text)| text.as_str()).filter(|text| seen.insert(text));
    let what = texts.by_ref().take(SHOWN).collect::<Vec<_>>().join(", ");
    let more = match texts.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let object = &first.object;
    let who = match objects.len() {
        1 if object.name().is_empty() => format!("this {} installs", object.kind()),
        1 => format!("{} `{}` installs", object.kind(), object.name()),
        n => format!("{n} objects of kind {} install", object.kind()),
    };
    let (message, remedy) = match (kind, inside) {
        (_, true) => (
            format!("{who} content that is embedded in the object and not checked: {what}{more}"),
            "Scan that content as files.".to_owned(),
        ),
        (NoteKind::Unread, _) => (
            format!("{who} directories of this repository that were not read: {what}{more}"),
            "Also scan these directories, or the whole repository.".to_owned(),
        ),
        _ => (
            format!("{who} sources that are not among these files: {what}{more}"),
            match seen.iter().any(|text| text.starts_with("chart")) {
                true => "Scan the output of `helm template` for them, or the cluster.".to_owned(),
                false => "Also scan these sources, or the cluster.".to_owned(),
            },
        ),
    };
    let (source, span) = (object.doc().source(), object.value().span());
    let place = source.shown().into_owned();
    Some(Note {
        kind,
        place,
        span: Some((source.clone(), span.start, span.start + 1)),
        message,
        remedy,
    })
}
