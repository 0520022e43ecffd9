//! File trees, and results of loading them.

use std::fs;
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::WorldKind;
use pavisade_sources::{Loaded, Request, Stats, Tools, load};
use tempfile::TempDir;

/// Creates a directory with these files.
pub(crate) fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(folder.path(), name, text.as_bytes());
    }
    folder
}

pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Returns a minimal object.
pub(crate) fn object(kind: &str, name: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

pub(crate) fn different(kind: &str, name: &str, value: &str) -> String {
    format!("{}data: {{a: {value}}}\n", object(kind, name))
}

/// The result of a load as text. The directory's path is `@`.
pub(crate) struct Seen {
    /// `kind name: Kind name @ source`, in order.
    pub(crate) worlds: Vec<(String, WorldKind, Vec<String>)>,
    pub(crate) notes: Vec<(NoteKind, String, String)>,
    pub(crate) raw: Vec<Note>,
    pub(crate) stats: Stats,
}

pub(crate) fn seen(folder: &Path, loaded: Loaded) -> Seen {
    let real = fs::canonicalize(folder).unwrap().display().to_string();
    let folder = folder.display().to_string();
    let short = |text: &str| text.replace(&folder, "@").replace(&real, "@");
    let worlds = loaded.snapshot.worlds().iter().map(|world| {
        let objects = world
            .objects()
            .map(|o| short(&format!("{} {} in {}", o.kind(), o.name(), o.doc().source().shown())));
        (short(world.name()), world.kind(), objects.collect())
    });
    let notes = loaded.snapshot.notes();
    Seen {
        worlds: worlds.collect(),
        notes: notes.iter().map(|n| (n.kind, short(&n.place), short(&n.message))).collect(),
        raw: notes.to_vec(),
        stats: loaded.stats,
    }
}

pub(crate) fn scan(folder: &Path) -> Seen {
    run(folder, &Request::new([folder]))
}

pub(crate) fn run(folder: &Path, request: &Request) -> Seen {
    seen(folder, load(request, std::io::empty(), &()))
}

impl Seen {
    /// Returns the objects of all worlds, sorted, without their sources.
    pub(crate) fn objects(&self) -> Vec<&str> {
        let objects = self.worlds.iter().flat_map(|(.., objects)| objects);
        let mut names: Vec<_> = objects.map(|o| o.split(" in ").next().unwrap()).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn sources(&self) -> Vec<&str> {
        let objects = self.worlds.iter().flat_map(|(.., objects)| objects);
        let mut names: Vec<_> = objects.map(|o| o.split_once(" in ").unwrap().1).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn world_names(&self) -> Vec<&str> {
        self.worlds.iter().map(|(name, ..)| name.as_str()).collect()
    }

    /// Returns the kind and place of the only note that contains `words`.
    pub(crate) fn note(&self, words: &str) -> (NoteKind, &str) {
        let mut found = self.notes.iter().filter(|(_, _, message)| message.contains(words));
        let Some((kind, place, _)) = found.next() else {
            panic!("no note says {words:?}: {:#?}", self.notes);
        };
        assert!(found.next().is_none(), "two notes say {words:?}: {:#?}", self.notes);
        (*kind, place)
    }

    pub(crate) fn silent(&self) {
        assert!(self.notes.is_empty(), "{:#?}", self.notes);
    }
}

/// Returns the path of a built Go tool, from `PAVISADE_TEST_TOOLS` or the user's cache.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("PAVISADE_TEST_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/pavisade/tools"),
    };
    let entries = fs::read_dir(folder).ok()?;
    let mut found: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path().join(name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}

/// Reports why a test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// Creates a shell script in place of a tool.
#[cfg(unix)]
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub(crate) fn with_tools(folder: &Path, tools: Tools) -> Request {
    Request { tools, ..Request::new([folder]) }
}

/// Creates a named pipe without a writer.
#[cfg(unix)]
pub(crate) fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[cfg(unix)]
pub(crate) fn link(to: impl AsRef<Path>, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(to, path).unwrap();
}

/// Returns the program for network namespaces, if any.
pub(crate) fn unshare() -> Option<PathBuf> {
    let known = ["/usr/bin/unshare", "/bin/unshare"];
    known.map(PathBuf::from).into_iter().find(|path| path.is_file())
}
