//! Where the files of an image are: a folder, or a tar archive that is read where its members are.
//! What a registry has is no file; it is asked by digest.
//!
//! What is in there comes from others. A name never leads out of the folder or the archive, and
//! nothing is opened but regular files: a pipe would wait for a writer.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::archive::{Archive, EntryKind, Source};
use crate::registry::Repository;
use crate::unpack::{BUFFER, Compression, refused, unpack};
use crate::{Limits, Refusal};

/// Links that one name may go through.
const MAX_LINKS: usize = 8;

/// Where files are.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder, its path without links.
    Folder(PathBuf),
    /// A tar, its members by name.
    Archive { file: Arc<File>, members: HashMap<String, Member>, within: String },
    /// A repository of a registry.
    Registry(Repository),
}

/// What a member of an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// Its bytes begin there, and there are that many.
    File(u64, u64),
    /// Another member: older versions of `docker save` write a layer that is there already as a link.
    Link(String),
    Other,
}

impl Place {
    /// The members of a tar file, or of one that is compressed as a whole, or of a stream: those are
    /// written to a temporary file first, since what they hold is found at their end.
    ///
    /// # Errors
    /// It cannot be read, or is no tar.
    pub(crate) fn archive(
        what: &str,
        from: &mut dyn Read,
        file: Option<File>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let io = |error| Refusal::Io { what: what.to_owned(), error };
        let file = match file {
            Some(file) => file,
            None => {
                let mut file = tempfile::tempfile()
                    .map_err(|error| Refusal::Io { what: "a temporary file".to_owned(), error })?;
                let mut unpacked = unpack(from, limits)
                    .map_err(|error| refused(error, what, limits).unwrap_or_else(io))?;
                copy(&mut unpacked, &mut file, what, limits)?;
                file
            }
        };
        let (members, is_whole) = members(&file, what, limits)?;
        let within = within(&members, is_whole);
        Ok(Self::Archive { file: Arc::new(file), members, within })
    }

    /// Whether there is a file of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Archive { members, within, .. } => {
                matches!(resolve(members, within, name), Ok((_, _)))
            }
            Self::Registry(_) => false,
        }
    }

    /// Whether an archive holds a root file system.
    pub(crate) fn has_root(&self) -> bool {
        let is_top = |name: &String| {
            let top = name.split('/').next().unwrap_or_default();
            crate::ROOTS.contains(&top)
        };
        match self {
            Self::Folder(_) | Self::Registry(_) => false,
            Self::Archive { members, .. } => members.keys().any(is_top),
        }
    }

    /// The bytes of a file, and how many there are.
    pub(crate) fn open(&self, name: &str) -> Result<(Box<dyn Read + Send>, u64), Refusal> {
        let io = |error| Refusal::Io { what: name.to_owned(), error };
        match self {
            Self::Folder(folder) => {
                let file = inside(folder, name).map_err(io)?;
                let length = file.metadata().map_err(io)?.len();
                Ok((Box::new(file), length))
            }
            Self::Archive { file, members, within } => {
                let (at, length) = resolve(members, within, name).map_err(io)?;
                Ok((Box::new(Part { file: file.clone(), at, left: length }), length))
            }
            Self::Registry(_) => Err(io(io::ErrorKind::NotFound.into())),
        }
    }

    /// The archive itself, from its beginning.
    pub(crate) fn whole(&self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Folder(_) | Self::Registry(_) => None,
            Self::Archive { file, .. } => {
                Some(Box::new(Part { file: file.clone(), at: 0, left: u64::MAX }))
            }
        }
    }
}

/// Opens a regular file below a folder.
pub(crate) fn inside(folder: &Path, name: &str) -> io::Result<File> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || !Path::new(name).components().all(plain) {
        return Err(io::Error::other("the name leads outside the image; it was not opened"));
    }
    let real = fs::canonicalize(folder.join(name))?;
    if !real.starts_with(folder) {
        return Err(io::Error::other(
            "a link to a location outside the image; it was not followed",
        ));
    }
    open_regular(&real)
}

/// Opens a file that is no link and regular.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let irregular = || io::Error::other("not a regular file");
    // To open a device can have effects, so its kind is looked at first.
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(irregular());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// Copies to a temporary file.
fn copy(from: &mut impl Read, to: &mut File, what: &str, limits: &Limits) -> Result<(), Refusal> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let io = |error| Refusal::Io { what: what.to_owned(), error };
                return Err(refused(error, what, limits).unwrap_or_else(io));
            }
        };
        let full = |error| Refusal::Io { what: format!("a temporary file for {what}"), error };
        to.write_all(&buffer[..count]).map_err(full)?;
    }
}

/// The members of a tar, and whether all of them are there: an image has few.
fn members(
    file: &File,
    what: &str,
    limits: &Limits,
) -> Result<(HashMap<String, Member>, bool), Refusal> {
    let io = |error| Refusal::Io { what: what.to_owned(), error };
    let not =
        |error: io::Error| Refusal::NotAnImage(format!("{what} is not a tar archive: {error}"));
    let length = file.metadata().map_err(io)?.len();
    let mut from = BufReader::with_capacity(4096, file);
    from.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut archive = Archive::new(Seeking { from, at: 0, length });
    let mut members = HashMap::new();
    while let Some(entry) = archive.next().map_err(not)? {
        if members.len() >= limits.members {
            return Ok((members, false));
        }
        let name = plain(&String::from_utf8_lossy(&entry.path));
        let target = || String::from_utf8_lossy(&entry.target).into_owned();
        let member = match (entry.kind, archive.place()) {
            (EntryKind::File, Some(at)) => Member::File(at, entry.size),
            // A link counts from its own folder, a hard link from the archive's top.
            (EntryKind::Link, _) => Member::Link(beside(&name, &target())),
            (EntryKind::HardLink, _) => Member::Link(plain(&target())),
            _ => Member::Other,
        };
        members.insert(name, member);
    }
    if members.is_empty() {
        return Err(Refusal::NotAnImage(format!("{what} is an empty tar archive")));
    }
    Ok((members, true))
}

/// The one folder that everything in an archive is in, where that is an image.
fn within(members: &HashMap<String, Member>, is_whole: bool) -> String {
    let is_image = |folder: &str| {
        ["index.json", "manifest.json"]
            .iter()
            .any(|name| members.contains_key(&format!("{folder}{name}")))
    };
    let first = members.keys().next().and_then(|name| name.split('/').next()).unwrap_or_default();
    let folder = format!("{first}/");
    let all = || members.keys().all(|name| name == first || name.starts_with(&folder));
    if is_whole && !is_image("") && is_image(&folder) && all() { folder } else { String::new() }
}

/// Where the bytes of a member are, links followed within the archive.
fn resolve(members: &HashMap<String, Member>, within: &str, name: &str) -> io::Result<(u64, u64)> {
    let mut name = format!("{within}{}", plain(name));
    for _ in 0..=MAX_LINKS {
        match members.get(&name) {
            Some(Member::File(at, length)) => return Ok((*at, *length)),
            Some(Member::Link(target)) => name.clone_from(target),
            Some(Member::Other) => return Err(io::Error::other("not a regular file")),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
    }
    Err(io::Error::other("too many links"))
}

/// A name without `.`, `..` and leading slashes: nothing leads out of an archive.
fn plain(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Where a link of that name leads.
fn beside(name: &str, target: &str) -> String {
    if target.starts_with('/') {
        return plain(target);
    }
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    plain(&format!("{folder}/{target}"))
}

/// Whether a file is compressed; it is read from its beginning afterwards.
pub(crate) fn compression(file: &mut File) -> io::Result<Compression> {
    let mut head = [0; 16];
    let mut filled = 0;
    while filled < head.len() {
        match file.read(&mut head[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    file.rewind()?;
    Ok(Compression::of(&head[..filled]))
}

/// A part of a file, which several threads may read at a time.
struct Part {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let count = read_at(&self.file, &mut into[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

/// A file of which the headers of members are read, and nothing else.
struct Seeking<'a> {
    from: BufReader<&'a File>,
    at: u64,
    length: u64,
}

impl Read for Seeking<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Source for Seeking<'_> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        if count > self.length.saturating_sub(self.at) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count;
        self.from.seek_relative(i64::try_from(count).map_err(io::Error::other)?)
    }
}
