//! The location of an image's files: a directory, or a tar archive whose members are read in place.
//! Blobs of a registry are requested by digest instead.
//!
//! All contents are untrusted. A name never leads outside the directory or archive, and only
//! regular files are opened: a pipe would block until something writes to it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::archive::{Archive, EntryKind, Source};
use crate::registry::Repository;
use crate::unpack::{BUFFER, Compression, refused, unpack};
use crate::{Limits, Refusal};

/// The largest number of links that a name may go through.
const MAX_LINKS: usize = 8;

/// The location of files.
#[derive(Debug)]
pub(crate) enum Place {
    /// A directory; its path contains no links.
    Folder(PathBuf),
    /// A tar archive with its members by name.
    Archive { file: Arc<File>, members: HashMap<String, Member>, within: String },
    /// A repository of a registry.
    Registry(Repository),
}

/// The type of an archive member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// A regular file: its offset and length.
    File(u64, u64),
    /// A link to another member: older versions of `docker save` write a duplicate layer as a link.
    Link(String),
    Other,
}

impl Place {
    /// Indexes the members of a tar file. A compressed file or a stream is written to a temporary
    /// file first, because what an archive holds is listed at its end.
    ///
    /// # Errors
    /// The archive cannot be read or is not a tar archive.
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

    /// Returns whether a file of that name exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Archive { members, within, .. } => {
                matches!(resolve(members, within, name), Ok((_, _)))
            }
            Self::Registry(_) => false,
        }
    }

    /// Returns whether an archive contains a root file system.
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

    /// Opens a file and returns its length.
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

    /// Opens the whole archive from the start.
    pub(crate) fn whole(&self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Folder(_) | Self::Registry(_) => None,
            Self::Archive { file, .. } => {
                Some(Box::new(Part { file: file.clone(), at: 0, left: u64::MAX }))
            }
        }
    }
}

/// Opens a regular file below a directory.
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

/// Opens a regular file that is not a link.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let irregular = || io::Error::other("not a regular file");
    // Opening a device can have side effects, so check the file type first.
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

/// Lists the members of a tar archive, and whether the list is complete: an image has few.
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
            // A symbolic link is relative to its own directory, a hard link to the top of the
            // archive.
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

/// Returns the single top-level directory of an archive, if the image is inside it.
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

/// Returns the location of a member, following links within the archive.
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

/// Removes `.`, `..` and leading slashes from a name, so that it cannot leave the archive.
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

/// Resolves the target of a link.
fn beside(name: &str, target: &str) -> String {
    if target.starts_with('/') {
        return plain(target);
    }
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    plain(&format!("{folder}/{target}"))
}

/// Detects the compression of a file, and rewinds it.
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

/// A part of a file that several threads can read at the same time.
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

/// A file of which only the member headers are read.
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
