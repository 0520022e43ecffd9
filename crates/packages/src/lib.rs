//! Packages in databases, installed trees and lock files: bytes in, packages out.
//!
//! [`Reader::of`] says from a path alone which reader a file is for and how large it may be;
//! [`Want::read`] reads it as it comes, [`Reader::read`] from memory. [`Reader::of_source`] and
//! [`Reader::read_beside`] are the same for lock files in source trees. One reader is one module. A
//! reader gives what it could read and a [`Problem`] for what it could not; it never panics and
//! never recurses without a limit.
//!
//! Not here: images and their layers, files, vulnerabilities, text for users.

mod apk;
mod contents;
mod copyright;
mod distribution;
mod dpkg;
mod go_binary;
pub mod inventory;
mod jar;
mod licence;
mod lines;
mod lock;
mod node;
mod paragraph;
mod purl;
mod python;
mod reader;
mod room;
mod rpm;
pub mod sbom;
pub mod zip;

pub use contents::{Contents, Problem};
pub use distribution::Distribution;
pub use inventory::Inventory;
#[doc(hidden)]
pub use jar::read_streamed as read_jar_streamed;
pub use lock::{LockFile, Others};
pub use purl::{Purl, PurlError};
pub use reader::{Reader, Want};

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
    /// Whether `version` is only a bound that the file sets (`>=1.2`): another may be installed.
    pub bound: bool,
    /// The commit that it is taken from, where the file names one; else empty.
    pub commit: String,
    /// Groups that its file gives it (`dev`, `optional`, `test`, an extra); empty for production.
    pub groups: Vec<String>,
    /// What needs it, as far as the file says.
    pub need: Need,
    /// Whether it is code of the same tree or machine (a workspace member, a path): its name says
    /// nothing about packages of a registry.
    pub local: bool,
}

/// What needs a package; the first of several counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The program, always. So it is where nothing is known.
    #[default]
    Production,
    /// The program, for a feature that may be absent.
    Optional,
    /// Who develops or tests the program.
    Development,
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
    /// Rust.
    Cargo,
    /// Debian and relatives.
    #[default]
    Deb,
    /// Go modules; the standard library is the module `stdlib`.
    Golang,
    /// Java: names are `group:artifact`.
    Maven,
    /// npm, yarn and pnpm.
    Npm,
    /// OpenWrt.
    Opkg,
    /// Python.
    Pypi,
    /// Red Hat, SUSE and relatives. A version is `epoch:version-release`, without an epoch of 0.
    Rpm,
    /// One that no reader of ours finds: documents name it, and its URL says which.
    Other,
}

impl Kind {
    /// All that have a type of their own.
    pub const ALL: [Self; 9] = [
        Self::Apk,
        Self::Cargo,
        Self::Deb,
        Self::Golang,
        Self::Maven,
        Self::Npm,
        Self::Opkg,
        Self::Pypi,
        Self::Rpm,
    ];

    /// The ecosystem of a type in a package URL.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }

    /// The type in a package URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Cargo => "cargo",
            Self::Deb => "deb",
            Self::Golang => "golang",
            Self::Maven => "maven",
            Self::Npm => "npm",
            Self::Opkg => "opkg",
            Self::Pypi => "pypi",
            Self::Rpm => "rpm",
            Self::Other => "generic",
        }
    }

    /// Whether a distribution's package manager installs it.
    pub fn is_of_system(self) -> bool {
        matches!(self, Self::Apk | Self::Deb | Self::Opkg | Self::Rpm)
    }
}

impl Package {
    /// Its package URL; `None` where a part is missing without which there is none. Packages of a
    /// distribution are named in its namespace.
    pub fn purl(&self, distribution: Option<&Distribution>) -> Option<Purl> {
        let (mut namespace, mut name) = ("", self.name.as_str());
        let mut version = self.version.as_str();
        let mut qualifiers = Vec::new();
        if self.kind.is_of_system() {
            namespace = distribution.map_or("linux", |d| d.id.as_str());
            if !self.architecture.is_empty() {
                qualifiers.push(("arch".to_owned(), self.architecture.clone()));
            }
            if let Some(distro) = distribution.and_then(Distribution::qualifier) {
                qualifiers.push(("distro".to_owned(), distro));
            }
        }
        if self.kind == Kind::Rpm {
            // The vendor's name, as examples of the specification have it.
            namespace = match namespace {
                "rhel" => "redhat",
                id if id.starts_with("opensuse") => "opensuse",
                id if id.starts_with("sle") => "suse",
                id => id,
            };
            if let Some((epoch, rest)) = version.split_once(':') {
                qualifiers.push(("epoch".to_owned(), epoch.to_owned()));
                version = rest;
            }
        }
        let separator = match self.kind {
            Kind::Npm | Kind::Golang => '/',
            Kind::Maven => ':',
            _ => '\0',
        };
        // A module of Go that a folder replaces has the folder's path for a name.
        if self.kind == Kind::Golang && name.starts_with('.') {
            return None;
        }
        if let Some((outer, inner)) = name.rsplit_once(separator) {
            (namespace, name) = (outer, inner);
        }
        if let Some(source) = &self.source {
            let upstream = match source.version == version {
                true => source.name.clone(),
                false => format!("{}@{}", source.name, source.version),
            };
            qualifiers.push(("upstream".to_owned(), upstream));
        }
        Purl::new(self.kind.name(), namespace, name, version, qualifiers, "").ok()
    }
}
