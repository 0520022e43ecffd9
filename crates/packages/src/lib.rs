//! Packages in databases, installed trees and lock files: bytes in, packages out.
//!
//! [`Reader::of`] says from a path alone which reader a file is for and how large it may be;
//! [`Reader::read`] reads it. One reader is one module. A reader gives what it could read and a
//! [`Problem`] for what it could not; it never panics and never recurses without a limit.
//!
//! Not here: images and their layers, files, vulnerabilities, text for users.

mod apk;
mod copyright;
mod distribution;
mod dpkg;
pub mod inventory;
mod licence;
mod node;
mod paragraph;
mod purl;
mod python;
mod reader;
pub mod sbom;

pub use distribution::Distribution;
pub use inventory::Inventory;
pub use purl::{Purl, PurlError};
pub use reader::{Contents, Problem, Reader, Want};

/// A package that is installed, or that a lock file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Its ecosystem.
    pub kind: Kind,
    /// The name as its ecosystem writes it: `libc6`, `@babel/core`, `org.slf4j:slf4j-api`.
    pub name: String,
    /// The version as it is written; empty where there is none.
    pub version: String,
    /// The architecture that the database names; empty where it names none.
    pub architecture: String,
    /// What it was built from, where that has another name or version.
    pub source: Option<SourcePackage>,
    /// Licences as they are declared, mostly SPDX expressions.
    pub licences: Vec<String>,
    /// Its files, without a leading slash; empty where the database does not list them.
    pub files: Vec<String>,
    /// The line of its entry, where lines of the file are entries.
    pub line: Option<u32>,
}

/// What a distribution built a package from: advisories name it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version; that of the package where the database does not say.
    pub version: String,
}

/// An ecosystem, by the type that its package URLs have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Alpine and relatives.
    Apk,
    /// Debian and relatives.
    #[default]
    Deb,
    /// npm, yarn and pnpm.
    Npm,
    /// OpenWrt.
    Opkg,
    /// Python.
    Pypi,
    /// One that no reader of ours finds: documents name it, and its URL says which.
    Other,
}

impl Kind {
    /// All that have a type of their own.
    pub const ALL: [Self; 5] = [Self::Apk, Self::Deb, Self::Npm, Self::Opkg, Self::Pypi];

    /// The ecosystem of a type in a package URL.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }

    /// The type in a package URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Deb => "deb",
            Self::Npm => "npm",
            Self::Opkg => "opkg",
            Self::Pypi => "pypi",
            Self::Other => "generic",
        }
    }

    /// Whether a distribution's package manager installs it.
    pub fn is_of_system(self) -> bool {
        matches!(self, Self::Apk | Self::Deb | Self::Opkg)
    }
}

impl Package {
    /// Its package URL; `None` where a part is missing without which there is none. Packages of a
    /// distribution are named in its namespace.
    pub fn purl(&self, distribution: Option<&Distribution>) -> Option<Purl> {
        let (mut namespace, mut name) = ("", self.name.as_str());
        let mut qualifiers = Vec::new();
        if self.kind.is_of_system() {
            namespace = distribution.map_or("linux", |d| d.id.as_str());
            if !self.architecture.is_empty() {
                qualifiers.push(("arch".to_owned(), self.architecture.clone()));
            }
            if let Some(distro) = distribution.and_then(Distribution::qualifier) {
                qualifiers.push(("distro".to_owned(), distro));
            }
        } else if self.kind == Kind::Npm
            && let Some((scope, inner)) = name.rsplit_once('/')
        {
            (namespace, name) = (scope, inner);
        }
        if let Some(source) = &self.source {
            let upstream = match source.version == self.version {
                true => source.name.clone(),
                false => format!("{}@{}", source.name, source.version),
            };
            qualifiers.push(("upstream".to_owned(), upstream));
        }
        Purl::new(self.kind.name(), namespace, name, &self.version, qualifiers, "").ok()
    }
}
