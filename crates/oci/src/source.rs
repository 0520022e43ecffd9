//! The lock files and manifests of a source tree in a directory. Links are not followed;
//! directories of version control and of installed packages are skipped.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use pavisade_model::{Note, NoteKind};
use pavisade_packages::inventory::of_sources;
use pavisade_packages::{Contents, Inventory, Reader};

use crate::place::open_regular;
use crate::{Limits, Refusal};

/// Directories that do not describe what the tree depends on.
const SKIPPED: [&str; 9] = [
    ".git",
    ".hg",
    ".svn",
    ".terraform",
    ".tox",
    ".venv",
    "__pycache__",
    "node_modules",
    "site-packages",
];
/// The deepest nesting of directories.
const MAX_DEPTH: usize = 64;
/// The largest number of lock files in a tree.
const MAX_FILES: usize = 10_000;
/// The largest file that a lock file refers to, in bytes.
const MAX_OTHER: u64 = 32 << 20;

/// Files that only a root file system has.
const OF_ROOTS: [&str; 8] = [
    "etc/os-release",
    "etc/passwd",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/os-release",
    "usr/lib/sysimage/rpm",
    "var/lib/dpkg",
    "var/lib/rpm",
];

/// Returns whether a directory contains an image or a root file system, so it is not a source tree.
pub fn is_image_or_root(folder: &Path) -> bool {
    let has = |name: &&str| fs::symlink_metadata(folder.join(name)).is_ok();
    ["oci-layout", "index.json", "manifest.json"].iter().any(|name| {
        // A web application may have a `manifest.json` too.
        has(name) && (folder.join("blobs").is_dir() || *name == "oci-layout" || is_archive(folder))
    }) || OF_ROOTS.iter().any(has)
}

/// Returns whether `manifest.json` was written by `docker save`: it is a list.
fn is_archive(folder: &Path) -> bool {
    let mut first = [0; 64];
    let read =
        open_regular(&folder.join("manifest.json")).and_then(|mut file| file.read(&mut first));
    let text = first.get(..read.unwrap_or(0)).unwrap_or(&[]);
    let is_layout = folder.join("version").is_file();
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') || is_layout
}

/// Returns the packages in the lock files and manifests of a directory; `None` if it has no such
/// files.
///
/// # Errors
/// The directory cannot be read, or has more files than the limits allow.
pub fn source_tree(folder: &Path, limits: &Limits) -> Result<Option<Inventory>, Refusal> {
    let what = folder.display().to_string();
    let root =
        fs::canonicalize(folder).map_err(|error| Refusal::Io { what: what.clone(), error })?;
    let mut notes = Vec::new();
    let mut files = Vec::new();
    let mut names = 0;
    let mut open = vec![(root.clone(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        let list = match list(&folder) {
            Ok(list) => list,
            Err(error) if depth == 0 => return Err(Refusal::Io { what, error }),
            Err(error) => {
                notes.push(note(&prefix, &error.to_string()));
                continue;
            }
        };
        for (name, is_folder) in list {
            names += 1;
            if names > limits.names {
                return Err(Refusal::TooManyNames(limits.names));
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if is_folder {
                if depth < MAX_DEPTH && !SKIPPED.contains(&&*name) {
                    open.push((folder.join(&name), path, depth + 1));
                }
            } else if let Some(want) = Reader::of_source(&path) {
                files.push((path, want));
            }
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    if files.len() > MAX_FILES {
        notes.push(note(
            "",
            &format!("there are {} lock files; {MAX_FILES} were read", files.len()),
        ));
        files.truncate(MAX_FILES);
    }
    let others = |path: &str| inside(&root, path, MAX_OTHER).ok();
    let read = files.into_iter().map(|(path, want)| {
        let contents = match inside(&root, &path, want.limit) {
            Ok(bytes) => want.reader.read_beside(&path, &bytes, &others),
            Err(error) => {
                notes.push(note(&path, &error.to_string()));
                Contents::default()
            }
        };
        (path, contents)
    });
    let read = read.collect();
    let mut inventory = of_sources(String::new(), read);
    inventory.notes.extend(notes);
    Ok(Some(inventory))
}

/// Lists the UTF-8 names of a directory in order, and whether each is a directory.
fn list(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut list = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if let (Ok(name), true) = (entry.file_name().into_string(), kind.is_dir() || kind.is_file())
        {
            list.push((name, kind.is_dir()));
        }
    }
    list.sort();
    Ok(list)
}

/// Reads a file that is not outside the tree.
fn inside(root: &Path, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let outside = || io::Error::other("it leads outside the directory");
    if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    let whole = fs::canonicalize(root.join(path))?;
    if !whole.starts_with(root) {
        return Err(outside());
    }
    let mut bytes = Vec::new();
    open_regular(&whole)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

fn note(place: &str, message: &str) -> Note {
    Note {
        kind: NoteKind::Unread,
        place: place.to_owned(),
        span: None,
        message: message.to_owned(),
        remedy: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_a_tree_are_read_and_nothing_outside_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("outside.txt", "evil==1.0\n");
        write("tree/requirements.txt", "-r ../outside.txt\n-r more/base.txt\nflask==2.0.1\n");
        write("tree/more/base.txt", "jinja2==3.0.0\n");
        write(
            "tree/lib/Cargo.lock",
            "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
        );
        write("tree/node_modules/x/requirements.txt", "no==1.0\n");
        write("tree/bin/run.sh", "true\n");
        assert!(!is_image_or_root(&tree));
        let found = source_tree(&tree, &Limits::default()).unwrap().unwrap();
        let names: Vec<_> = found.packages.iter().map(|one| &*one.package.name).collect();
        assert_eq!(names, ["a", "flask", "jinja2"]);
        assert!(found.source_tree);
        // The manifest of a web application, then that of an image.
        write("tree/manifest.json", "{\"name\": \"app\"}");
        assert!(!is_image_or_root(&tree));
        write("tree/manifest.json", "[{\"Config\": \"x\"}]");
        assert!(is_image_or_root(&tree));
        write("empty/a.txt", "");
        assert!(source_tree(&folder.path().join("empty"), &Limits::default()).unwrap().is_none());
        write("root/etc/passwd", "");
        assert!(is_image_or_root(&folder.path().join("root")));
        assert!(source_tree(&folder.path().join("none"), &Limits::default()).is_err());
    }
}
