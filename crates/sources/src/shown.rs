//! Paths as users would type them.

use std::path::{Component, Path, PathBuf};

/// Converts paths below (or next to) a given path into names for users.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The given path, resolved.
    root: PathBuf,
    /// The given path as typed, or the archive that was extracted to `root`.
    given: PathBuf,
    archive: bool,
    /// The prefix of paths below `root`, including the separator.
    prefix: String,
}

impl Shown {
    pub(crate) fn path(root: PathBuf, given: &Path) -> Self {
        let mut prefix = normal(given).display().to_string();
        if prefix == "." {
            prefix.clear();
        } else if !prefix.ends_with('/') {
            prefix.push('/');
        }
        Self { root, given: given.to_owned(), archive: false, prefix }
    }

    pub(crate) fn archive(root: PathBuf, given: &Path) -> Self {
        let prefix = format!("{}:", given.display());
        Self { root, given: given.to_owned(), archive: true, prefix }
    }

    /// Returns the given path, resolved.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the Git repository that contains the given path, if any.
    pub(crate) fn repository(&self) -> Option<&Path> {
        let around = |folder: &&Path| !self.archive && folder.join(".git").exists();
        self.root.ancestors().find(around)
    }

    /// Returns the directory outside of which nothing is read: the repository, or else the given
    /// path.
    pub(crate) fn boundary(&self) -> &Path {
        self.repository().unwrap_or(&self.root)
    }

    /// Returns the given path.
    pub(crate) fn given(&self) -> String {
        self.given.display().to_string()
    }

    /// Whether the given path is an archive.
    pub(crate) fn is_archive(&self) -> bool {
        self.archive
    }

    /// Returns the name of an absolute path.
    pub(crate) fn name(&self, path: &Path) -> String {
        // Most paths are from a walk from the root and need no resolution.
        let plain = path.to_str().zip(self.root.to_str()).and_then(|(path, root)| {
            let rest = path.strip_prefix(root)?.strip_prefix('/')?;
            (!rest.is_empty()
                && !rest.starts_with(['.', '/'])
                && !rest.contains("/.")
                && !rest.contains("//"))
            .then_some(rest)
        });
        if let Some(rest) = plain {
            return format!("{}{rest}", self.prefix);
        }
        let below = path.strip_prefix(&self.root);
        if self.archive {
            return match below {
                Ok(rest) if rest.as_os_str().is_empty() => self.given(),
                Ok(rest) => format!("{}{}", self.prefix, rest.display()),
                Err(_) => path.display().to_string(),
            };
        }
        let joined = match below {
            Ok(rest) if rest.as_os_str().is_empty() => return self.given(),
            Ok(rest) => self.given.join(rest),
            Err(_) => self.given.join(between(&self.root, path)),
        };
        normal(&joined).display().to_string()
    }

    /// Shortens absolute paths in the message of a program.
    pub(crate) fn in_message(&self, message: &str) -> String {
        let root = self.root.display().to_string();
        if root.len() < 2 {
            return message.to_owned();
        }
        let (inside, itself) = match (self.archive, self.given.as_os_str() == ".") {
            (true, _) => (format!("{}:", self.given()), self.given()),
            (false, true) => (String::new(), ".".to_owned()),
            (false, false) => (format!("{}/", self.given().trim_end_matches('/')), self.given()),
        };
        message.replace(&format!("{root}/"), &inside).replace(&root, &itself)
    }
}

/// Returns the relative path from one absolute path to another.
fn between(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// Removes `.` and, textually, `..`.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    let path: PathBuf = parts.iter().collect();
    if path.as_os_str().is_empty() { ".".into() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_user_would_type() {
        let cases = [
            (
                "/w/overlays/prod",
                "overlays/prod",
                "/w/overlays/prod/a.yaml",
                "overlays/prod/a.yaml",
            ),
            ("/w/overlays/prod", "overlays/prod", "/w/base/a.yaml", "base/a.yaml"),
            ("/w/overlays/prod", "./overlays/prod/", "/w/overlays/prod", "./overlays/prod/"),
            ("/w", ".", "/w/a.yaml", "a.yaml"),
            ("/w/x", ".", "/w/base/a.yaml", "../base/a.yaml"),
            ("/w/x", "/w/x", "/w/base/a.yaml", "/w/base/a.yaml"),
            ("/w/x", "../x", "/w/x/a.yaml", "../x/a.yaml"),
            ("/w", "v/../w", "/w/a/b.yaml", "w/a/b.yaml"),
            ("/w", "./", "/w/.github/a.yaml", ".github/a.yaml"),
            ("/", "/", "/w/a.yaml", "/w/a.yaml"),
        ];
        for (root, given, path, expected) in cases {
            let shown = Shown::path(root.into(), Path::new(given));
            assert_eq!(shown.name(Path::new(path)), expected);
        }
        let shown = Shown::archive("/tmp/x".into(), Path::new("a.tar"));
        assert_eq!(shown.name(Path::new("/tmp/x/b/c.yaml")), "a.tar:b/c.yaml");
        assert_eq!(shown.in_message("bad /tmp/x/b: /tmp/x"), "bad a.tar:b: a.tar");
    }
}
