//! The databases of rpm: SQLite (`rpmdb.sqlite`), NDB (`Packages.db`) and Berkeley DB's hash
//! (`Packages`). Each holds one header for a package ([`header`]); what finds it is not read.
//!
//! A database may be damaged or made to do harm: no page is visited twice, and what is put together
//! of pieces has a limit.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use std::borrow::Cow;

use header::Header;

use crate::contents::{Contents, Problem};
use crate::{Kind, Package, SourcePackage};

/// Bytes of one header: that of the largest package has some megabytes.
const MAX_HEADER: usize = 64 << 20;
/// Bytes that are copied to put headers together: a multiple of the file, and what is free.
const RATIO: usize = 4;
const FREE: usize = 1 << 20;
/// Packages and problems of one database.
const MAX_PACKAGES: usize = 200_000;
const MAX_PROBLEMS: usize = 100;
/// Bytes of all names of files together.
const MAX_FILES: usize = 128 << 20;

/// Whether a file is a database of rpm, by its path in a root file system.
pub(crate) fn is(folder: &str, name: &str) -> bool {
    matches!(folder, "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm")
        && matches!(name, "Packages" | "Packages.db" | "rpmdb.sqlite")
}

pub(crate) fn read(bytes: &[u8]) -> Contents {
    let mut blobs = Blobs {
        contents: Contents::default(),
        left: FREE.saturating_add(bytes.len().saturating_mul(RATIO)),
        files: MAX_FILES,
    };
    let read = match () {
        () if bytes.starts_with(sqlite::MAGIC) => sqlite::read(bytes, &mut blobs),
        () if bytes.starts_with(ndb::MAGIC) => ndb::read(bytes, &mut blobs),
        () => bdb::read(bytes, &mut blobs),
    };
    if let Err(damage) = read {
        blobs.problem(damage.0);
    }
    blobs.contents
}

/// Why the rest of a database is not read.
#[derive(Debug)]
struct Damage(&'static str);

const TOO_MUCH: Damage = Damage("it contains more than a database of its size can");

/// Takes headers, and makes packages of them.
struct Blobs {
    contents: Contents,
    /// Bytes that may still be copied.
    left: usize,
    files: usize,
}

impl Blobs {
    /// Takes the next header.
    fn take(&mut self, blob: Cow<'_, [u8]>) -> Result<(), Damage> {
        if self.contents.packages.len() >= MAX_PACKAGES {
            return Err(TOO_MUCH);
        }
        match Header::of(&blob).and_then(|header| package(&header, &mut self.files)) {
            Some(package) => self.contents.packages.push(package),
            None => self.problem("the header of a package is damaged"),
        }
        Ok(())
    }

    fn problem(&mut self, what: &str) {
        if self.contents.problems.len() < MAX_PROBLEMS {
            self.contents.problems.push(Problem::whole(what));
        }
    }

    /// Room for the next header that is put together.
    fn room(&mut self, length: usize) -> Result<(), Damage> {
        if length > MAX_HEADER {
            return Err(Damage("the header of a package is too large"));
        }
        self.left = self.left.checked_sub(length).ok_or(TOO_MUCH)?;
        Ok(())
    }
}

fn package(header: &Header<'_>, files: &mut usize) -> Option<Package> {
    let text = |tag| header.text(tag).filter(|text| !text.is_empty());
    let name = text(header::NAME)?;
    let version = format!("{}-{}", text(header::VERSION)?, text(header::RELEASE)?);
    let source = text(header::SOURCE).and_then(|file| source(&file));
    let source = source.filter(|source| source.name != name || source.version != version);
    let epoch = header.number(header::EPOCH).filter(|epoch| *epoch != 0);
    Some(Package {
        kind: Kind::Rpm,
        version: epoch.map_or_else(|| version.clone(), |epoch| format!("{epoch}:{version}")),
        architecture: text(header::ARCHITECTURE).unwrap_or_default().into_owned(),
        source,
        licences: text(header::LICENCE).into_iter().map(Cow::into_owned).collect(),
        files: header.files(files),
        name: name.into_owned(),
        ..Package::default()
    })
}

/// `name-version-release.src.rpm`
pub(crate) fn source(file: &str) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or_else(|| stem.strip_suffix(".nosrc"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

#[cfg(test)]
mod tests;
