//! What package managers and lists say about files.

use std::collections::HashMap;

use crate::{Algorithm, Digest};

/// The largest number of files in the records of a node.
const MAX_FILES: usize = 4_000_000;

/// What a package manager knows of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageFile {
    /// The package, as an index.
    package: u32,
    /// The digest of the content; `None` for directories, links, and files without one.
    pub digest: Option<Digest>,
}

/// The installed packages of a node and their files, as the package manager on that node says.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Names and versions.
    packages: Vec<(Box<str>, Box<str>)>,
    /// The versions of a package; rpm installs several kernels.
    by_name: HashMap<Box<str>, Vec<u32>>,
    files: HashMap<Box<[u8]>, PackageFile>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Records {
    /// Adds the packages and configuration files in `var/lib/dpkg/status`.
    pub fn add_dpkg_status(&mut self, text: &str) {
        for paragraph in text.split("\n\n") {
            let field = |name: &str| {
                let value = |line: &str| {
                    let (key, value) = line.split_once(':')?;
                    key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
                };
                paragraph.lines().filter(|line| !line.starts_with(' ')).find_map(value)
            };
            let (Some(name), Some(version)) = (field("Package"), field("Version")) else {
                continue;
            };
            let state = field("Status").unwrap_or_default();
            let on_disk = [
                "installed",
                "unpacked",
                "half-configured",
                "triggers-awaited",
                "triggers-pending",
            ];
            if !state.split_whitespace().nth(2).is_some_and(|state| on_disk.contains(&state)) {
                continue;
            }
            let package = self.add(&name, &version);
            let lines =
                paragraph.lines().skip_while(|line| !line.starts_with("Conffiles:")).skip(1);
            for line in lines.map_while(|line| line.strip_prefix(' ')) {
                let mut words = line.split_whitespace();
                if let (Some(path), Some(digest)) = (words.next(), words.next()) {
                    let digest = Digest::from_hex(Algorithm::Md5, digest);
                    self.add_file(package, path.as_bytes(), digest);
                }
            }
        }
    }

    /// Returns the index of a version of a package, which is added if it is new. In the database of dpkg, files
    /// have the name with the architecture (`libc6:amd64`) if several can be installed.
    pub fn add(&mut self, name: &str, version: &str) -> u32 {
        let known = self.by_name.get(name).into_iter().flatten();
        let has_version = |index: &&u32| {
            self.packages.get(**index as usize).is_some_and(|(_, known)| &**known == version)
        };
        if let Some(index) = known.copied().find(|index| has_version(&index)) {
            return index;
        }
        let index = u32::try_from(self.packages.len()).unwrap_or(u32::MAX);
        self.packages.push((name.into(), version.into()));
        self.by_name.entry(name.into()).or_default().push(index);
        index
    }

    /// Returns the index of a package by its name, with or without an architecture.
    pub fn index(&self, name: &str) -> Option<u32> {
        let plain = name.split(':').next().unwrap_or(name);
        self.by_name.get(plain)?.first().copied()
    }

    /// Adds a file of a package. A digest replaces an entry without one.
    pub fn add_file(&mut self, package: u32, path: &[u8], digest: Option<Digest>) {
        if matches!(path, b"/." | b"") {
            return;
        }
        if self.files.len() >= MAX_FILES {
            if self.problems.is_empty() {
                self.problems.push(format!("the packages have more than {MAX_FILES} files"));
            }
            return;
        }
        let file = PackageFile { package, digest };
        let known = self.files.entry(path.into()).or_insert(file);
        if known.digest.is_none() && digest.is_some() {
            *known = file;
        }
    }

    /// Adds the paths in `var/lib/dpkg/info/PACKAGE.list`.
    pub fn add_dpkg_list(&mut self, package: u32, text: &[u8]) {
        for path in text.split(|byte| *byte == b'\n') {
            self.add_file(package, path, None);
        }
    }

    /// Returns what is known of a path. Packages may list `/bin/ls` where `/bin` is a link to
    /// `/usr/bin`.
    pub fn file(&self, path: &[u8]) -> Option<PackageFile> {
        let direct = self.files.get(path).copied();
        direct.or_else(|| {
            let merged = path.strip_prefix(b"/usr")?;
            let is_merged =
                ["/bin/", "/sbin/", "/lib"].iter().any(|top| merged.starts_with(top.as_bytes()));
            self.files.get(merged).copied().filter(|_| is_merged)
        })
    }

    /// Returns the name and the version of the package of a file.
    pub fn package(&self, file: PackageFile) -> (&str, &str) {
        let found = self.packages.get(file.package as usize);
        found.map_or(("", ""), |(name, version)| (name, version))
    }

    /// Returns the package of a path as a baseline stores it: `coreutils 9.1-1`.
    pub fn owner(&self, path: &[u8]) -> Option<Box<str>> {
        let (name, version) = self.package(self.file(path)?);
        Some(format!("{name} {version}").into())
    }

    /// Returns the installed versions of a package.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.by_name.get(name).into_iter().flatten();
        all.filter_map(|index| self.packages.get(*index as usize)).map(|(_, version)| &**version)
    }

    /// Returns whether no package is known.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }
}

/// Reads `var/lib/dpkg/info/PACKAGE.md5sums`: paths with a leading slash and their digests.
pub fn dpkg_md5sums(text: &[u8]) -> impl Iterator<Item = (Vec<u8>, Digest)> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let (digest, path) = line.split_at_checked(32)?;
        let digest = Digest::from_hex(Algorithm::Md5, std::str::from_utf8(digest).ok()?)?;
        let path = path.strip_prefix(b"  ")?;
        Some(([b"/", path].concat(), digest))
    })
}

/// Reads a list of digests in the format of `sha256sum`: digests and names without directories.
/// Returns the number of the first line that is not valid as an error.
///
/// # Errors
/// A line has another form.
pub fn digest_list(text: &str) -> Result<Vec<(Digest, String)>, usize> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.splitn(2, char::is_whitespace);
        let digest = words.next().map(str::to_ascii_lowercase).unwrap_or_default();
        let digest = Digest::from_hex(Algorithm::Sha256, &digest).ok_or(number + 1)?;
        let name = words.next().unwrap_or_default().trim().trim_start_matches('*');
        let name = name.rsplit('/').next().unwrap_or_default();
        if name.is_empty() {
            return Err(number + 1);
        }
        all.push((digest, name.to_owned()));
    }
    Ok(all)
}
