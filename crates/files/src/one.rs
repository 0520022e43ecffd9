//! Reads one name of a directory.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

use pavisade_integrity::{Content, Entry, Kind, Time};
use rustix::fs::{AtFlags, OFlags, Statx, StatxAttributes, StatxFlags, readlinkat, statx};
use rustix::io::Errno;

use crate::attributes::{self, text};
use crate::certificates;
use crate::context::{Context, FileSystem, kind, open_name};
use crate::hash::{CHUNK, Hasher, hash_file};

/// How often a file is read that changes while it is read.
const ATTEMPTS: usize = 3;
/// The largest file that is read: a file with a hole can claim any size.
const MAX_SIZE: u64 = 64 << 30;

const WANTED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::MNT_ID);

/// A name in an open directory.
pub(crate) struct Name<'a> {
    pub folder: BorrowedFd<'a>,
    pub name: &'a [u8],
    pub path: &'a [u8],
    /// The mount of the directory, unless this is a chosen path.
    pub mount: Option<u64>,
}

/// What a name refers to.
pub(crate) enum Found {
    Nothing,
    Entry(Box<Entry>),
    /// A mounted file, where other file systems are left out.
    Mounted,
    Directory {
        entry: Box<Entry>,
        file: OwnedFd,
        device: (u32, u32),
        mount: u64,
    },
}

/// Reads what a name refers to. If that is replaced in the meantime, it starts again.
///
/// # Errors
/// The reason why nothing is known.
pub(crate) fn read(
    context: &Context<'_>,
    name: &Name<'_>,
    buffer: &mut [u8],
) -> Result<Found, String> {
    let mut unread = None;
    for _ in 0..ATTEMPTS {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let found = match statx(name.folder, name.name, flags, WANTED) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(text(error)),
        };
        let kind = kind(found.stx_mode).ok_or("its type is not known")?;
        if context.scope.one_file_system
            && kind != Kind::Directory
            && name.mount.is_some_and(|mount| mount != found.stx_mnt_id)
        {
            return Ok(Found::Mounted);
        }
        let mut entry = entry(&found, name.path, kind);
        match kind {
            Kind::File => match file(context, name, &found, entry, buffer)? {
                Read::Done(entry) => return Ok(Found::Entry(entry)),
                Read::Changed(entry) => unread = entry.or(unread),
            },
            Kind::Directory => {
                match open_name(name.folder, name.name, OFlags::RDONLY | OFlags::DIRECTORY) {
                    Ok(file) => {
                        let opened = stat(file.as_fd()).map_err(text)?;
                        let device = (opened.stx_dev_major, opened.stx_dev_minor);
                        let mut entry = self::entry(&opened, name.path, kind);
                        entry.attributes = attributes::of_file(&file);
                        place(context, &mut entry, device, file.as_fd());
                        let (entry, mount) = (Box::new(entry), opened.stx_mnt_id);
                        return Ok(Found::Directory { entry, file, device, mount });
                    }
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                    Err(error) => return Err(format!("it cannot be listed: {}", text(error))),
                }
            }
            _ => {
                entry.content = match kind {
                    Kind::Link => match readlinkat(name.folder, name.name, Vec::new()) {
                        Ok(target) => Content::Target(target.as_bytes().into()),
                        Err(Errno::NOENT | Errno::INVAL) => continue,
                        Err(error) => Content::Unread(text(error).into()),
                    },
                    Kind::Block | Kind::Character => {
                        Content::Device(found.stx_rdev_major, found.stx_rdev_minor)
                    }
                    _ => Content::Nothing,
                };
                entry.attributes = attributes::of_name(name.folder, name.name);
                let device = (found.stx_dev_major, found.stx_dev_minor);
                place(context, &mut entry, device, name.folder);
                return Ok(Found::Entry(Box::new(entry)));
            }
        }
    }
    unread
        .map(Found::Entry)
        .ok_or_else(|| "it was replaced again and again while it was read".to_owned())
}

enum Read {
    Done(Box<Entry>),
    /// It changed; the entry says so if it was a regular file all the time.
    Changed(Option<Box<Entry>>),
}

fn file(
    context: &Context<'_>,
    name: &Name<'_>,
    found: &Statx,
    mut entry: Entry,
    buffer: &mut [u8],
) -> Result<Read, String> {
    let device = (found.stx_dev_major, found.stx_dev_minor);
    if let Some(known) = known(context, &entry) {
        place(context, &mut entry, device, name.folder);
        if entry.inode.is_some() {
            entry.content = known.content.clone();
            entry.attributes = known.attributes.clone();
            entry.certificate = known.certificate.clone();
            entry.trusted = true;
            return Ok(Read::Done(Box::new(entry)));
        }
    }
    let opened = match open_name(name.folder, name.name, OFlags::RDONLY) {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(Read::Changed(None)),
        Err(error) => {
            entry.content = Content::Unread(format!("it cannot be opened: {}", text(error)).into());
            entry.attributes = attributes::of_name(name.folder, name.name);
            place(context, &mut entry, device, name.folder);
            return Ok(Read::Done(Box::new(entry)));
        }
    };
    let before = stat(opened.as_fd()).map_err(text)?;
    if kind(before.stx_mode) != Some(Kind::File) {
        return Ok(Read::Changed(None));
    }
    let mut entry = self::entry(&before, name.path, Kind::File);
    let device = (before.stx_dev_major, before.stx_dev_minor);
    place(context, &mut entry, device, opened.as_fd());
    if before.stx_size > MAX_SIZE {
        let why = format!("it is larger than {} GiB", MAX_SIZE >> 30);
        entry.content = Content::Unread(why.into());
        entry.attributes = attributes::of_file(&opened);
        return Ok(Read::Done(Box::new(entry)));
    }
    let mut hashers = [Hasher::new(context.options.algorithm)];
    let length =
        match hash_file(&opened, before.stx_size, &mut hashers, buffer, context.options.rate) {
            Ok(length) => length,
            Err(error) => {
                entry.content =
                    Content::Unread(format!("it cannot be read: {}", text(error)).into());
                entry.attributes = attributes::of_file(&opened);
                return Ok(Read::Done(Box::new(entry)));
            }
        };
    context.bytes.fetch_add(length, Ordering::Relaxed);
    entry.attributes = attributes::of_file(&opened);
    let after = stat(opened.as_fd()).map_err(text)?;
    let state = |of: &Statx| {
        let (mtime, ctime) = (of.stx_mtime, of.stx_ctime);
        (of.stx_size, mtime.tv_sec, mtime.tv_nsec, ctime.tv_sec, ctime.tv_nsec)
    };
    if state(&before) != state(&after) || length != after.stx_size {
        entry.content = Content::Unread("it changed while it was read".into());
        return Ok(Read::Changed(Some(Box::new(entry))));
    }
    let [hasher] = hashers;
    let digest = hasher.finish().ok_or("it cannot be hashed")?;
    entry.content = Content::Digest(digest);
    if length <= CHUNK as u64 {
        let content = usize::try_from(length).ok().and_then(|length| buffer.get(..length));
        entry.certificate = certificates::first(content.unwrap_or_default());
    }
    Ok(Read::Done(Box::new(entry)))
}

/// Returns the entry of the baseline that is trusted instead of reading the file.
fn known<'a>(context: &Context<'a>, entry: &Entry) -> Option<&'a Entry> {
    let trust = context.options.trust?;
    let at = trust.binary_search_by(|known| known.path.cmp(&entry.path)).ok()?;
    let known = trust.get(at)?;
    let state = |of: &Entry| (of.kind, of.inode, of.ctime, of.mtime, of.size);
    (known.digest().is_some() && known.inode.is_some() && state(known) == state(entry))
        .then_some(known)
}

/// Leaves out what means nothing on the file system of an entry.
fn place(context: &Context<'_>, entry: &mut Entry, device: (u32, u32), file: BorrowedFd<'_>) {
    if context.system(device, file) == FileSystem::Overlay {
        (entry.inode, entry.links) = (None, None);
    }
}

fn stat(file: BorrowedFd<'_>) -> Result<Statx, Errno> {
    statx(file, "", AtFlags::EMPTY_PATH, WANTED)
}

fn entry(found: &Statx, path: &[u8], kind: Kind) -> Entry {
    let mut entry = Entry::new(path, kind);
    let attributes = found.stx_attributes;
    entry.mode = found.stx_mode & 0o7777;
    (entry.uid, entry.gid) = (found.stx_uid, found.stx_gid);
    entry.size = if kind == Kind::File { found.stx_size } else { 0 };
    entry.mtime = Time(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec);
    entry.ctime = Time(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec);
    entry.inode = Some(found.stx_ino);
    entry.links = (kind != Kind::Directory).then_some(found.stx_nlink);
    entry.flags = (
        attributes.contains(StatxAttributes::IMMUTABLE),
        attributes.contains(StatxAttributes::APPEND),
    );
    entry
}
