//! Lock files and manifests of source trees.
//!
//! A lock file contains the selected versions. A manifest (`requirements.txt`, `pom.xml`, `go.mod`)
//! contains requirements, of which a reader without network access reports only what the file
//! itself determines. The tree's own packages are omitted if the file identifies them, or are
//! marked [`local`](crate::Package::local).
//!
//! Each version or commit of a package is listed once, at its first occurrence.

mod blocks;
mod cargo;
mod commit;
mod document;
mod go_mod;
mod gradle;
mod graph;
mod list;
mod npm;
mod pipfile;
mod pnpm;
mod poetry;
mod pom;
mod requirements;
mod specifier;
mod tree;
mod uv;
mod xml;
mod yarn;

pub(crate) use pom::{Coordinates, coordinates};

use crate::contents::Contents;

/// Reads another file of the tree by its path from the root.
pub type Others<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// A format of lock file or manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockFile {
    /// `Cargo.lock`.
    Cargo,
    /// `go.mod`, with `go.sum` if only that file lists the indirect modules.
    GoMod,
    /// `gradle.lockfile` and `buildscript-gradle.lockfile`.
    Gradle,
    /// `gradle/verification-metadata.xml`.
    GradleVerification,
    /// `package-lock.json` and `npm-shrinkwrap.json`.
    Npm,
    /// `Pipfile.lock`.
    Pipfile,
    /// `pnpm-lock.yaml`.
    Pnpm,
    /// `poetry.lock`.
    Poetry,
    /// `pom.xml` and `NAME.pom`.
    Pom,
    /// `requirements.txt` and similar names.
    Requirements,
    /// `uv.lock`.
    Uv,
    /// `yarn.lock` of all Yarn versions.
    Yarn,
}

/// The largest file in bytes; large monorepos have lock files of a few megabytes.
const LIMIT: u64 = 32 << 20;
/// The same for XML, which needs many times its size in memory.
const XML_LIMIT: u64 = 16 << 20;

impl LockFile {
    /// Returns the format of a file by its path from the root of a source tree.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        // Lock files of installed packages do not describe this tree.
        if folder.split('/').any(|part| part == "node_modules") {
            return None;
        }
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            "go.mod" => Self::GoMod,
            "gradle.lockfile" | "buildscript-gradle.lockfile" => Self::Gradle,
            "verification-metadata.xml" if folder == "gradle" || folder.ends_with("/gradle") => {
                Self::GradleVerification
            }
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "Pipfile.lock" => Self::Pipfile,
            "pnpm-lock.yaml" => Self::Pnpm,
            "poetry.lock" => Self::Poetry,
            "pom.xml" => Self::Pom,
            _ if name.len() > 4 && name.ends_with(".pom") => Self::Pom,
            _ if name.contains("requirements") && name.ends_with(".txt") => Self::Requirements,
            "uv.lock" => Self::Uv,
            "yarn.lock" => Self::Yarn,
            _ => return None,
        })
    }

    /// Returns the size limit in bytes.
    pub(crate) fn limit(self) -> u64 {
        match self {
            Self::Pom | Self::GradleVerification => XML_LIMIT,
            _ => LIMIT,
        }
    }

    pub(crate) fn read(self, path: &str, bytes: &[u8], others: &Others<'_>) -> Contents {
        let text = &*String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Cargo => cargo::read(text),
            Self::GoMod => go_mod::read(path, text, others),
            Self::Gradle => gradle::read_lock(text),
            Self::GradleVerification => gradle::read_verification(text),
            Self::Npm => npm::read(path, text, others),
            Self::Pipfile => pipfile::read(text),
            Self::Pnpm => pnpm::read(text),
            Self::Poetry => poetry::read(text),
            Self::Pom => pom::read(path, text, others),
            Self::Requirements => requirements::read(path, text, others),
            Self::Uv => uv::read(text),
            Self::Yarn => yarn::read(path, text, others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_path() {
        for (path, form) in [
            ("package-lock.json", Some(LockFile::Npm)),
            ("a/node_modules/b/package-lock.json", None),
            ("a.package-lock.json", None),
            ("gradle/verification-metadata.xml", Some(LockFile::GradleVerification)),
            ("mygradle/verification-metadata.xml", None),
            ("requirements/base.txt", None),
            ("dev-requirements.txt", Some(LockFile::Requirements)),
            ("lib/x-1.0.pom", Some(LockFile::Pom)),
            ("lib/.pom", None),
            ("go.mod.bak", None),
            ("", None),
        ] {
            assert_eq!(LockFile::of(path), form, "{path}");
        }
    }
}
