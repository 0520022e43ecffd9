//! Paths inside the root directory of a node.
//!
//! The root may be that of another machine (`/host` in a pod, a mounted image), so links are resolved
//! inside of it: an absolute link must not lead to this machine's files.

use std::collections::{BTreeMap, HashSet};
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

    /// Returns the working directory of a process.
    pub(crate) fn directory_of(&self, pid: u32) -> Option<String> {
        let link = self.resolve(&format!("/proc/{pid}")).ok()?.join("cwd");
        let target = fs::read_link(link).ok()?.into_os_string().into_string().ok()?;
        target.starts_with('/').then_some(target)
    }

    /// Returns the real path of a path of the node, whose links are resolved inside the root, and
    /// those of a container inside the container's root.
    pub(crate) fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if !path.starts_with('/') {
            return Err(io::Error::other("it is relative to a directory that is not known"));
        }
        let mut todo: Vec<PathBuf> = parts(Path::new(path));
        if self.path == Path::new("/") && todo.last().is_none_or(|first| first != Path::new("proc"))
        {
            return Ok(PathBuf::from(path));
        }
        let (mut real, mut links) = (PathBuf::new(), 0);
        // The root that absolute links start from.
        let mut base = PathBuf::new();
        while let Some(part) = todo.pop() {
            if part == Path::new("..") {
                if real != base {
                    real.pop();
                }
                continue;
            }
            let next = real.join(&part);
            let whole = self.path.join(&next);
            match fs::symlink_metadata(&whole) {
                // This link leads to the right place only if the kernel follows it.
                Ok(kind) if kind.is_symlink() && self.is_magic(&next) => {
                    base.clone_from(&next);
                    real = next;
                }
                Ok(kind) if kind.is_symlink() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other("too many links"));
                    }
                    let target = fs::read_link(&whole)?;
                    if target.is_absolute() {
                        real.clone_from(&base);
                    }
                    todo.extend(parts(&target));
                }
                _ => real = next,
            }
        }
        Ok(self.path.join(real))
    }

    /// Whether a path is `proc/PID/root` of a real procfs.
    fn is_magic(&self, path: &Path) -> bool {
        let mut parts = path.iter().map(|part| part.to_str().unwrap_or_default());
        parts.next() == Some("proc")
            && parts.next().is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
            && parts.next() == Some("root")
            && parts.next().is_none()
            && is_procfs(&self.path.join("proc"))
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
        match self.entries(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Returns all names in a directory, sorted.
    pub(crate) fn entries(&self, path: &str) -> io::Result<Vec<String>> {
        match self.names_up_to(path, MAX_ENTRIES)? {
            (names, None) => Ok(names),
            (_, Some(why)) => Err(io::Error::other(why)),
        }
    }

    /// Returns the names in a directory, sorted, and the reason why there may be more.
    pub(crate) fn names_up_to(
        &self,
        path: &str,
        limit: usize,
    ) -> io::Result<(Vec<String>, Option<String>)> {
        let (mut names, mut missing) = (Vec::new(), None);
        for entry in fs::read_dir(self.resolve(path)?)? {
            if names.len() >= limit {
                missing = Some(format!("it has more than {limit} entries"));
                break;
            }
            match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) => names.push(name),
                Ok(Err(_)) => missing = Some("a name in it is not UTF-8".to_owned()),
                Err(error) => missing = Some(error.to_string()),
            }
        }
        names.sort();
        Ok((names, missing))
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        fs::metadata(self.resolve(path)?)
    }

    /// Returns what tells a file from all others. `None` if it does not exist, or cannot be reached.
    pub(crate) fn identity(&self, path: &str) -> Option<(u64, u64)> {
        let metadata = self.metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
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

    /// Returns the paths of a directory and of everything in it, also through links, sorted. A
    /// directory that could not be read completely has the reason.
    pub(crate) fn below(&self, path: &str) -> Vec<(String, Option<String>)> {
        let top = path.trim_end_matches('/').to_owned();
        let (mut found, mut visited) = (Vec::new(), HashSet::new());
        let mut todo = vec![(top.clone(), 0)];
        while let Some((path, depth)) = todo.pop() {
            if found.len() >= MAX_ENTRIES {
                let why = format!("it contains more than {MAX_ENTRIES} entries");
                found.push((top, Some(why)));
                break;
            }
            let is_dir = match self.metadata(&path) {
                Ok(kind) => kind.is_dir() && visited.insert((kind.dev(), kind.ino())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    found.push((path, Some(error.to_string())));
                    continue;
                }
            };
            if !is_dir {
                found.push((path, None));
                continue;
            }
            let names = match depth < MAX_DEPTH {
                true => self.names_up_to(&path, MAX_ENTRIES).map_err(|error| error.to_string()),
                false => Err(format!("it is more than {MAX_DEPTH} levels deep")),
            };
            let (names, missing) = names.unwrap_or_else(|why| (Vec::new(), Some(why)));
            todo.extend(names.iter().rev().map(|name| (format!("{path}/{name}"), depth + 1)));
            found.push((path, missing));
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

#[cfg(target_os = "linux")]
fn is_procfs(path: &Path) -> bool {
    const PROC: i64 = 0x9fa0;
    #[expect(clippy::useless_conversion, reason = "the type depends on the architecture")]
    rustix::fs::statfs(path).is_ok_and(|found| i64::try_from(found.f_type) == Ok(PROC))
}

#[cfg(not(target_os = "linux"))]
fn is_procfs(_: &Path) -> bool {
    false
}

/// Writes a file below a root, for tests.
#[cfg(test)]
pub(crate) fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        fs::create_dir_all(inside.join("proc/11")).unwrap();
        fs::create_dir_all(outside.join("sub")).unwrap();
        fs::write(outside.join("file"), "secret").unwrap();
        for name in ["root", "cwd"] {
            symlink(&outside, inside.join("proc/11").join(name)).unwrap();
        }
        symlink("../../../out/file", inside.join("up")).unwrap();
        let root = Root::new(&inside).unwrap();
        for path in ["/proc/11/root/file", "/proc/11/cwd/file", "/up", "/../out/file"] {
            assert!(root.text(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_real_proc_leads_to_the_root_of_a_process() {
        let root = Root::new(Path::new("/")).unwrap();
        let path = format!("/proc/{}/root/proc/self/status", std::process::id());
        assert!(root.text(&path).is_ok());
    }

    #[test]
    fn what_is_below_and_what_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("pki/etcd")).unwrap();
        fs::create_dir_all(at("keys")).unwrap();
        fs::write(at("keys/a.key"), "x").unwrap();
        symlink("/keys/a.key", at("pki/b.key")).unwrap();
        symlink("/pki", at("pki/etcd/again")).unwrap();
        let mut deep = at("pki/deep");
        for _ in 0..MAX_DEPTH + 1 {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
        let found = Root::new(folder.path()).unwrap().below("/pki");
        let has = |path: &str| found.iter().any(|(found, why)| found == path && why.is_none());
        assert!(has("/pki") && has("/pki/b.key") && has("/pki/etcd"), "{found:?}");
        assert_eq!(found.iter().filter(|(_, why)| why.is_some()).count(), 1, "{found:?}");
        assert!(found.len() < 30, "{found:?}");
    }
}
