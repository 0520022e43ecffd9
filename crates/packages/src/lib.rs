//! Reads packages from databases, installed trees and lock files.
//!
//! [`Reader::of`] selects a reader and a size limit from a path. [`Want::read`] reads the file as a
//! stream, and [`Reader::read`] from memory. [`Reader::of_source`] and [`Reader::read_beside`] do
//! the same for lock files in source trees. Each reader is one module. It returns the packages it
//! could read and a [`Problem`] for everything else; it never panics and never recurses without a
//! limit.
//!
//! Out of scope: images and their layers, file access, vulnerabilities, text for users.

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
pub use rpm::{RpmFile, rpm_files};

/// A package that is installed or named in a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// The ecosystem.
    pub kind: Kind,
    /// The name as written in its ecosystem: `libc6`, `@babel/core`, `org.slf4j:slf4j-api`.
    pub name: String,
    /// The version as written; may be empty.
    pub version: String,
    /// The architecture; empty if the database states none.
    pub architecture: String,
    /// The source package, if its name or version differs.
    pub source: Option<SourcePackage>,
    /// The declared licences, mostly SPDX expressions.
    pub licences: Vec<String>,
    /// The files without a leading slash; empty if the database does not list them.
    pub files: Vec<String>,
    /// The line of the entry, if the file has an entry per line.
    pub line: Option<u32>,
    /// Whether `version` is only a bound (`>=1.2`), so another version may be installed.
    pub bound: bool,
    /// The source commit; empty if not given.
    pub commit: String,
    /// The groups in the file (`dev`, `optional`, `test`, an extra); empty for production.
    pub groups: Vec<String>,
    /// What needs the package, as far as the file says.
    pub need: Need,
    /// Whether this is code of the same tree or machine (a workspace member or a path), so that its
    /// name does not refer to a registry.
    pub local: bool,
}

/// What needs a package. The first applicable variant counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The application always needs it. This is the default if unknown.
    #[default]
    Production,
    /// The application needs it for an optional feature.
    Optional,
    /// Only development or tests need it.
    Development,
}

/// The source package of a distribution package, which advisories refer to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcePackage {
    /// The name.
    pub name: String,
    /// The version; that of the package if not given.
    pub version: String,
}

/// An ecosystem, named like the type in package URLs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Alpine and derivatives.
    Apk,
    /// Rust.
    Cargo,
    /// Debian and derivatives.
    #[default]
    Deb,
    /// Go modules; the standard library is the module `stdlib`.
    Golang,
    /// Java; names are `group:artifact`.
    Maven,
    /// npm, yarn and pnpm.
    Npm,
    /// OpenWrt.
    Opkg,
    /// Python.
    Pypi,
    /// Red Hat, SUSE and derivatives. A version is `epoch:version-release`; an epoch of 0 is
    /// omitted.
    Rpm,
    /// Any other ecosystem, which only SBOMs contain; the package URL has its type.
    Other,
}

impl Kind {
    /// All ecosystems except `Other`.
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

    /// Returns the ecosystem of a package URL type.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }

    /// Returns the package URL type.
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

    /// Returns whether packages are installed by the package manager of a distribution.
    pub fn is_of_system(self) -> bool {
        matches!(self, Self::Apk | Self::Deb | Self::Opkg | Self::Rpm)
    }
}

impl Package {
    /// Returns the package URL; `None` if a required part is missing. Distribution packages have
    /// the distribution as namespace.
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
            // The vendor's name, as in the examples of the specification.
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
        // The name of a replaced Go module is the path of its directory.
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
