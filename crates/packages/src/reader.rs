//! Selects the reader for a file.

use std::io::{self, Read};

use crate::contents::{Contents, Problem};
use crate::{Kind, LockFile, Others, apk, dpkg, go_binary, jar, node, python, rpm};

/// A format that lists packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reader {
    /// The apk database.
    Apk,
    /// The dpkg database.
    Dpkg,
    /// A package of a distroless image.
    DpkgStatusD,
    /// A binary that may be from Go. [`Want::read`] keeps little of it in memory.
    GoBinary,
    /// A Java archive. [`Want::read`] reads large ones as a stream.
    Jar,
    /// A lock file or manifest of a source tree.
    Lock(LockFile),
    /// An installed Node.js package.
    Node,
    /// The opkg database.
    Opkg,
    /// An installed Python package.
    Python,
    /// An installed Python package that is a single file, or a wheel.
    PythonArchive,
    /// An rpm database.
    Rpm,
    /// The write-ahead log of an rpm database.
    RpmLog,
}

/// A file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// The reader.
    pub reader: Reader,
    /// The bytes to keep in memory. A larger file does not have the expected format, unless
    /// [`Want::read`] reads it as a stream.
    pub limit: u64,
}

impl Want {
    /// Reads a file in bounded memory: databases, binaries and large archives as a stream. Any
    /// other file that exceeds its limit is not read but reported. Keeps the files of a package for
    /// which `keep` returns true.
    ///
    /// # Errors
    /// Reading from `from` fails.
    pub fn read(
        self,
        path: &str,
        from: &mut dyn Read,
        keep: &dyn Fn(&str) -> bool,
    ) -> io::Result<Contents> {
        match self.reader {
            Reader::Apk => return self.limited(from, |from| apk::read(from, keep)),
            Reader::Dpkg => {
                return self.limited(from, |from| dpkg::read(from, Kind::Deb, false));
            }
            Reader::GoBinary => return go_binary::read(from),
            Reader::Jar => return jar::read(path, from),
            Reader::Opkg => {
                return self.limited(from, |from| dpkg::read(from, Kind::Opkg, false));
            }
            Reader::Rpm => return rpm::read_from(from, self.limit, keep),
            Reader::RpmLog => return rpm::read_log(from),
            _ => {}
        }
        let mut bytes = Vec::new();
        from.take(self.limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.limit {
            let message = format!("it is larger than {} bytes", self.limit);
            return Ok(Contents { problems: vec![Problem::whole(message)], ..Contents::default() });
        }
        Ok(self.reader.read(&bytes))
    }

    /// Reads up to the limit, and reports a larger file.
    fn limited(
        self,
        from: &mut dyn Read,
        read: impl FnOnce(&mut dyn Read) -> io::Result<Contents>,
    ) -> io::Result<Contents> {
        let mut within = from.take(self.limit);
        let mut contents = read(&mut within)?;
        if within.limit() == 0 && within.into_inner().read(&mut [0])? > 0 {
            let message =
                format!("it is larger than {} bytes, and the rest was not read", self.limit);
            contents.problems.push(Problem::whole(message));
        }
        Ok(contents)
    }
}

const DATABASE: u64 = 256 << 20;
const METADATA: u64 = 4 << 20;
const ARCHIVE: u64 = 48 << 20;
const PROGRAM: u64 = 16 << 20;

impl Reader {
    /// Returns the reader for a file in a root file system. `path` has no leading slash.
    pub fn of(path: &str) -> Option<Want> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let inside = |end: &str| folder == end || folder.ends_with(&format!("/{end}"));
        let (reader, limit) = match name {
            "installed" if inside("lib/apk/db") => (Self::Apk, DATABASE),
            "status" if inside("var/lib/dpkg") => (Self::Dpkg, DATABASE),
            "status" if inside("usr/lib/opkg") || inside("var/lib/opkg") => (Self::Opkg, DATABASE),
            _ if rpm::is(folder, name) => (Self::Rpm, DATABASE),
            _ if rpm::is_log(folder, name) => (Self::RpmLog, DATABASE),
            _ if inside("var/lib/dpkg/status.d") && !name.ends_with(".md5sums") => {
                (Self::DpkgStatusD, METADATA)
            }
            "METADATA" if folder.ends_with(".dist-info") => (Self::Python, METADATA),
            "PKG-INFO" if folder.ends_with(".egg-info") || folder.ends_with("EGG-INFO") => {
                (Self::Python, METADATA)
            }
            _ if name.ends_with(".egg-info") => (Self::Python, METADATA),
            _ if name.ends_with(".egg") => (Self::PythonArchive, ARCHIVE),
            _ if jar::is(name) => (Self::Jar, ARCHIVE),
            "package.json" if node::is_installed(folder) => (Self::Node, METADATA),
            _ => return None,
        };
        Some(Want { reader, limit })
    }

    /// Returns the reader for a file that may be a binary, based on its mode more than its path.
    /// [`Want::read`] stops after the first bytes if it is not a binary.
    pub fn of_program(path: &str, mode: u16) -> Option<Want> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_library = name.contains(".so.")
            || [".so", ".dll", ".dylib", ".exe"].iter().any(|end| name.ends_with(end));
        (mode & 0o111 != 0 || is_library).then_some(Want { reader: Self::GoBinary, limit: PROGRAM })
    }

    /// Returns the reader for a file in a source tree. `path` has no leading slash.
    pub fn of_source(path: &str) -> Option<Want> {
        let lock = LockFile::of(path)?;
        Some(Want { reader: Self::Lock(lock), limit: lock.limit() })
    }

    /// Reads a file of a source tree. `others` reads further files of the tree, such as those
    /// included with `-r` in requirements or the parent of a `pom.xml`.
    pub fn read_beside(self, path: &str, bytes: &[u8], others: &Others<'_>) -> Contents {
        match self {
            Self::Lock(lock) => lock.read(path, bytes, others),
            Self::Jar => jar::read(path, &mut &*bytes).unwrap_or_default(),
            other => other.read(bytes),
        }
    }

    /// Reads a file. Invalid UTF-8 is replaced: names and versions are ASCII.
    pub fn read(self, bytes: &[u8]) -> Contents {
        let text = || String::from_utf8_lossy(bytes);
        let database = |kind, of_status_d| dpkg::read(&mut &*bytes, kind, of_status_d);
        match self {
            Self::Apk => apk::read(&mut &*bytes, &|_| true).unwrap_or_default(),
            Self::Dpkg => database(Kind::Deb, false).unwrap_or_default(),
            Self::DpkgStatusD => database(Kind::Deb, true).unwrap_or_default(),
            Self::GoBinary => go_binary::read(&mut &*bytes).unwrap_or_default(),
            Self::Jar => jar::read("", &mut &*bytes).unwrap_or_default(),
            Self::Lock(lock) => lock.read("", bytes, &|_| None),
            Self::Node => node::read(bytes),
            Self::Opkg => database(Kind::Opkg, false).unwrap_or_default(),
            Self::Python => python::read(&text()),
            Self::PythonArchive => python::read_archive(bytes),
            Self::Rpm => rpm::read(bytes),
            Self::RpmLog => rpm::read_log(&mut &*bytes).unwrap_or_default(),
        }
    }
}
