//! Paths inside the root directory of a node.
//!
//! The root may be that of another machine (`/host` in a pod, a mounted image), so links are resolved
//! inside of it: an absolute link must not lead to this machine's files.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

/// The largest file in bytes.
const MAX_FILE: u64 = 4 << 20;
/// The maximum number of links in a path, as in Linux.
const MAX_LINKS: usize = 40;
/// The largest number of entries of a directory, and of files below one.
const MAX_ENTRIES: usize = 20_000;
const MAX_DEPTH: usize = 16;

/// The root directory of a node.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    path: PathBuf,
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Root {
    /// Opens a root directory, and reads the names of its users and groups.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut root = Self { path, users: BTreeMap::new(), groups: BTreeMap::new() };
        root.users = root.names("/etc/passwd");
        root.groups = root.names("/etc/group");
        Ok(root)
    }

    fn names(&self, file: &str) -> BTreeMap<u32, String> {
        let text = self.text(file).unwrap_or_default();
        let mut names = BTreeMap::new();
        for line in text.lines() {
            let mut fields = line.split(':');
            let (name, id) = (fields.next(), fields.nth(1));
            if let Some((name, id)) = name.zip(id.and_then(|id| id.parse().ok())) {
                // The first name of an id is the one that programs show.
                names.entry(id).or_insert_with(|| name.to_owned());
            }
        }
        names
    }

    pub(crate) fn has_user(&self, name: &str) -> bool {
        self.users.values().any(|user| user == name)
    }

    /// Returns the real path of a path of the node, whose links are resolved inside the root.
    pub(crate) fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if self.path == Path::new("/") {
            return Ok(PathBuf::from(path));
        }
        let mut todo: Vec<PathBuf> = parts(Path::new(path));
        let (mut real, mut links) = (PathBuf::new(), 0);
        while let Some(part) = todo.pop() {
            if part == Path::new("..") {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            let whole = self.path.join(&next);
            match fs::symlink_metadata(&whole) {
                // The links in /proc lead to the right place only if the kernel follows them.
                Ok(kind) if kind.is_symlink() && !is_magic(&next) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other("too many links"));
                    }
                    let target = fs::read_link(&whole)?;
                    if target.is_absolute() {
                        real = PathBuf::new();
                    }
                    todo.extend(parts(&target));
                }
                _ => real = next,
            }
        }
        Ok(self.path.join(real))
    }

    /// Reads a file as text.
    pub(crate) fn text(&self, path: &str) -> io::Result<String> {
        let bytes = self.bytes(path)?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
    }

    /// Reads a regular file.
    pub(crate) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let real = self.resolve(path)?;
        // Opening a device or a pipe could block.
        if !fs::metadata(&real)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        File::open(&real)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > MAX_FILE {
            true => Err(io::Error::other("it is too large")),
            false => Ok(bytes),
        }
    }

    /// Returns the names in a directory, sorted. Empty if it does not exist.
    pub(crate) fn names_in(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.resolve(path)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let names = entries.take(MAX_ENTRIES).filter_map(Result::ok);
        let mut names: Vec<_> =
            names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        fs::metadata(self.resolve(path)?)
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.metadata(path).is_ok()
    }

    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.metadata(path).is_ok_and(|kind| kind.is_dir())
    }

    /// Returns the access to a file as facts. `None` if it does not exist.
    pub(crate) fn access(&self, path: &str) -> Option<Value> {
        let metadata = match self.metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return Some(json!({ "path": path, "error": error.to_string() })),
        };
        let kind = metadata.file_type();
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let name = |names: &BTreeMap<u32, String>, id: u32| match (names.get(&id), id) {
            (Some(name), _) => name.clone(),
            // A minimal root has no list of users.
            (None, 0) => "root".to_owned(),
            (None, id) => id.to_string(),
        };
        Some(json!({
            "path": path,
            "type": match () {
                () if kind.is_dir() => "directory",
                () if kind.is_socket() => "socket",
                () => "file",
            },
            "mode": format!("{:04o}", metadata.mode() & 0o7777),
            "uid": uid,
            "gid": gid,
            "owner": name(&self.users, uid),
            "group": name(&self.groups, gid),
        }))
    }

    /// Returns the paths of a directory and of everything in it, without following links.
    pub(crate) fn below(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut todo = vec![(path.trim_end_matches('/').to_owned(), 0)];
        while let Some((path, depth)) = todo.pop() {
            if found.len() >= MAX_ENTRIES {
                break;
            }
            if self.is_dir(&path) && depth < MAX_DEPTH {
                for name in self.names_in(&path).unwrap_or_default().into_iter().rev() {
                    let inside = format!("{path}/{name}");
                    let real = self.resolve(&path).map(|folder| folder.join(&name));
                    let is_link = real.and_then(fs::symlink_metadata).is_ok_and(|m| m.is_symlink());
                    if !is_link {
                        todo.push((inside, depth + 1));
                    }
                }
            }
            found.push(path);
        }
        found.sort();
        found
    }
}

/// Returns the parts of a path, the last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}

/// Whether a path is `proc/PID/root`, which only the kernel can resolve.
fn is_magic(path: &Path) -> bool {
    let mut parts = path.iter().rev();
    parts.next().is_some_and(|name| name == "root" || name == "cwd")
        && parts.next().is_some()
        && parts.next().is_some_and(|name| name == "proc")
}
