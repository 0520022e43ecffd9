//! The rpm databases: SQLite (`rpmdb.sqlite`), NDB (`Packages.db`) and Berkeley DB hash
//! (`Packages`). Each contains a header per package ([`header`]); indexes are not read.
//!
//! A database may be damaged or malicious: no page is visited twice, and reassembled data has a
//! limit.

mod bdb;
mod bytes;
mod header;
mod ndb;
mod sqlite;

use std::borrow::Cow;
use std::io::{self, Read};

use bytes::{Bytes, TOO_LARGE};
use header::Header;

use crate::contents::{Contents, Problem};
use crate::room::{MAX_PACKAGES, Room, tell};
use crate::{Kind, Package, SourcePackage};

/// The largest header in bytes; that of the largest package has some megabytes.
const MAX_HEADER: usize = 64 << 20;
/// The bytes copied to reassemble headers: a multiple of the file size, plus a constant.
const RATIO: usize = 4;
const FREE: usize = 1 << 20;

/// Returns whether a file is an rpm database, based on its path in a root file system.
pub(crate) fn is(folder: &str, name: &str) -> bool {
    matches!(folder, "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm")
        && matches!(name, "Packages" | "Packages.db" | "rpmdb.sqlite")
}

/// Returns whether a file is the SQLite write-ahead log of an rpm database.
pub(crate) fn is_log(folder: &str, name: &str) -> bool {
    let of = name.strip_suffix("-wal");
    of.is_some_and(|of| of.ends_with(".sqlite") && is(folder, of))
}

/// Reports a write-ahead log with changes that are not in the database. rpm empties the log when it
/// exits normally. The changes are not read.
///
/// # Errors
/// Reading from `from` fails.
pub(crate) fn read_log(from: &mut dyn Read) -> io::Result<Contents> {
    /// The bytes before the first change ("WAL File Format").
    const HEADER: u64 = 32;
    let mut contents = Contents::default();
    if io::copy(&mut from.take(HEADER + 1), &mut io::sink())? > HEADER {
        let message = "changes in this write-ahead log of the rpm database were not read; run any rpm \
                       command in the image, such as `rpm --rebuilddb`, and build it again";
        contents.problems.push(Problem::whole(message));
    }
    Ok(contents)
}

/// Reads a database of at most `limit` bytes as a stream. Keeps the files of a package for which
/// `keep` returns true.
///
/// # Errors
/// Reading from `from` fails.
pub(crate) fn read_from(
    from: &mut dyn Read,
    limit: u64,
    keep: &dyn Fn(&str) -> bool,
) -> io::Result<Contents> {
    Ok(match Bytes::read(from, limit)? {
        Some(bytes) => all(&bytes, keep),
        None => Contents { problems: vec![Problem::whole(TOO_LARGE)], ..Contents::default() },
    })
}

pub(crate) fn read(bytes: &[u8]) -> Contents {
    all(&Bytes::Plain(Cow::Borrowed(bytes)), &|_| true)
}

/// An installed file, as the database of rpm describes it.
#[derive(Debug, Clone, Copy)]
pub struct RpmFile<'a> {
    /// Its package.
    pub package: &'a Package,
    /// The path without a leading slash.
    pub path: &'a str,
    /// The hash as RFC 4880 numbers it (1: MD5, 8: SHA-256), and the digest of the content.
    pub digest: Option<(u32, &'a str)>,
}

/// Calls `each` with every installed file of a database. Returns what could not be read.
pub fn rpm_files(bytes: &[u8], each: &mut dyn FnMut(RpmFile<'_>)) -> Vec<Problem> {
    let bytes = Bytes::Plain(Cow::Borrowed(bytes));
    contents(&bytes, &|_| false, each).problems
}

fn all(bytes: &Bytes<'_>, keep: &dyn Fn(&str) -> bool) -> Contents {
    contents(bytes, keep, &mut |_| {})
}

fn contents(
    bytes: &Bytes<'_>,
    keep: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(RpmFile<'_>),
) -> Contents {
    let mut blobs = Blobs {
        contents: Contents::default(),
        left: FREE.saturating_add(bytes.len().saturating_mul(RATIO)),
        room: Room::default(),
        keep,
        each,
    };
    let start = bytes.get(0, sqlite::MAGIC.len().min(bytes.len())).unwrap_or_default();
    let read = match () {
        () if start.starts_with(sqlite::MAGIC) => sqlite::read(bytes, &mut blobs),
        () if start.starts_with(ndb::MAGIC) => ndb::read(bytes, &mut blobs),
        () => bdb::read(bytes, &mut blobs),
    };
    if let Err(damage) = read
        && !damage.0.is_empty()
    {
        blobs.problem(damage.0);
    }
    blobs.contents
}

/// Why the rest of a database is not read.
#[derive(Debug)]
struct Damage(&'static str);

const TOO_MUCH: Damage = Damage("it contains more than a database of its size can");
/// The problem was already reported.
const TOLD: Damage = Damage("");

/// Converts headers to packages.
struct Blobs<'k> {
    contents: Contents,
    /// The number of bytes that may still be copied.
    left: usize,
    room: Room,
    keep: &'k dyn Fn(&str) -> bool,
    each: &'k mut dyn FnMut(RpmFile<'_>),
}

impl Blobs<'_> {
    /// Reads the next header.
    fn take(&mut self, blob: Cow<'_, [u8]>) -> Result<(), Damage> {
        let header = Header::of(&blob);
        let Some((header, mut package)) = header.and_then(|h| package(&h).map(|p| (h, p))) else {
            self.problem("the header of a package is damaged");
            return Ok(());
        };
        let Self { contents, room, keep, each, .. } = self;
        let algorithm = header.number(header::DIGEST_ALGORITHM).unwrap_or(1);
        header.files(&mut |path, digest| {
            let digest = digest.map(|digest| (algorithm, digest));
            each(RpmFile { package: &package, path, digest });
            if keep(path) && room.file(path.len(), contents) {
                package.files.push(path.to_owned());
            }
        });
        if room.add(package, contents) { Ok(()) } else { Err(TOLD) }
    }

    fn problem(&mut self, what: &str) {
        tell(Problem::whole(what), &mut self.contents);
    }

    /// Reserves room to reassemble the next header.
    fn room(&mut self, length: usize) -> Result<(), Damage> {
        if length > MAX_HEADER {
            return Err(Damage("the header of a package is too large"));
        }
        self.left = self.left.checked_sub(length).ok_or(TOO_MUCH)?;
        Ok(())
    }
}

fn package(header: &Header<'_>) -> Option<Package> {
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
        name: name.into_owned(),
        ..Package::default()
    })
}

/// Parses `name-version-release.src.rpm`.
pub(crate) fn source(file: &str) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or_else(|| stem.strip_suffix(".nosrc"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

#[cfg(test)]
mod tests;
