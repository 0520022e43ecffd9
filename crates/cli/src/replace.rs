//! Replaces files atomically: a reader sees the old or the new content, even if the program is
//! killed.
//!
//! The new content is written to a temporary file in the same directory, synced and renamed. A
//! killed run leaves that file behind, and the next run that writes to the directory removes it.
//! Each temporary file is locked while its program runs, which distinguishes it from a leftover.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempPath};

/// The names of temporary files.
const PREFIX: &str = ".pavisade-";
const SUFFIX: &str = ".tmp";

/// A file to write, checked before the work.
pub(crate) enum Target {
    /// A regular file, or one that does not exist yet, to be replaced. A link is replaced by a
    /// file, and a mount point is overwritten in place.
    Whole(PathBuf),
    /// A pipe, a device or an inherited file, which is written to directly.
    Stream(File),
}

impl Target {
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let Ok(there) = fs::symlink_metadata(path) else { return Self::beside(path) };
        if there.is_symlink() {
            // `/dev/stdout` refers to a file opened by the shell.
            let of_system = fs::canonicalize(folder(path))?;
            if ["/dev", "/proc"].iter().any(|system| of_system.starts_with(system)) {
                return Ok(Self::Stream(OpenOptions::new().append(true).open(path)?));
            }
            if fs::metadata(path).is_ok_and(|there| there.is_dir()) {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            return Self::beside(path);
        }
        if there.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if there.is_file() {
            // Respect a read-only file even if its directory is writable.
            OpenOptions::new().write(true).open(path)?;
            return Self::beside(path);
        }
        Ok(Self::Stream(OpenOptions::new().write(true).open(path)?))
    }

    fn beside(path: &Path) -> io::Result<Self> {
        sweep(folder(path));
        let new = temporary(folder(path), 0o600)?;
        may_replace(path, new.as_file())?;
        new.close()?;
        Ok(Self::Whole(path.to_owned()))
    }

    /// Writes the content. A new file gets the permissions `mode` minus the umask.
    ///
    /// # Errors
    /// The file cannot be written; the old content remains.
    pub(crate) fn write(
        self,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Stream(file) => {
                let mut out = BufWriter::new(file);
                write(&mut out).and_then(|()| out.flush())
            }
            Self::Whole(path) => {
                let new = temporary(folder(&path), mode)?;
                let mut out = BufWriter::new(new.as_file());
                write(&mut out).and_then(|()| out.flush())?;
                drop(out);
                // The permissions of a link's target do not matter.
                if let Ok(old) = fs::symlink_metadata(&path)
                    && old.is_file()
                {
                    new.as_file().set_permissions(old.permissions())?;
                }
                new.as_file().sync_all()?;
                match new.persist(&path) {
                    Ok(_) => sync(folder(&path)),
                    // A mount point, as in a container, cannot be replaced.
                    Err(failed) if failed.error.kind() == io::ErrorKind::ResourceBusy => {
                        overwrite(failed.file.into_file(), &path)?;
                    }
                    Err(failed) => return Err(failed.error),
                }
                Ok(())
            }
        }
    }
}

/// Checks whether the owner of a new file may replace the file of that name. In sticky directories
/// such as `/tmp`, only the owner of the file or directory may.
#[cfg(unix)]
fn may_replace(path: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let (Ok(old), folder) = (fs::symlink_metadata(path), fs::metadata(folder(path))?) else {
        return Ok(());
    };
    let us = new.metadata()?.uid();
    if folder.mode() & 0o1000 != 0 && ![0, old.uid(), folder.uid()].contains(&us) {
        let said = "only its owner can replace it in this directory";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, said));
    }
    Ok(())
}

#[cfg(not(unix))]
fn may_replace(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Copies the content of a new file into an old one.
fn overwrite(mut new: File, path: &Path) -> io::Result<()> {
    let mut old = OpenOptions::new().write(true).truncate(true).open(path)?;
    new.rewind()?;
    io::copy(&mut new, &mut old)?;
    old.sync_all()
}

/// Replaces a file that still contains `old`. Its mode, owner and extended attributes are kept, as
/// are `others`, its further hard links.
///
/// # Errors
/// The file cannot be written, or was changed in the meantime and is left unchanged. If it has the
/// new text nevertheless, the message says so.
pub(crate) fn exchange(path: &Path, others: &[PathBuf], old: &[u8], text: &[u8]) -> io::Result<()> {
    // Respect a read-only file even if its directory is writable.
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    // The replaced file briefly has a temporary name.
    let _ = file.try_lock();
    sweep(folder(path));
    let mut new = temporary(folder(path), 0o600)?;
    new.write_all(text)?;
    alike(&file, new.as_file())?;
    new.as_file().sync_all()?;
    // Do everything that can fail before changing anything. The lock of the new file covers its
    // links.
    let link = |other: &PathBuf| {
        sweep(folder(other));
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        builder.make_in(folder(other), |link| fs::hard_link(new.path(), link))
    };
    let links = others.iter().map(link).collect::<io::Result<Vec<_>>>()?;
    let changed = || {
        io::Error::other(
            "the file was changed by another process, so it was not modified: run again",
        )
    };
    let is_old = |name: &PathBuf| is(name, &file);
    if contents(&file)? != old || !is(path, &file) || !others.iter().all(is_old) {
        return Err(changed());
    }
    let (_locked, was) = swap(new, path)?;
    sync(folder(path));
    // Another program may have written to or replaced the old file at the same time.
    let theirs = contents(&file);
    let is_same = theirs.as_ref().is_ok_and(|theirs| theirs == old);
    match was {
        Some(was) if !is_same || !is(&was, &file) => {
            was.persist(path)?;
            return Err(changed());
        }
        None if !is_same => {
            let mut back = temporary(folder(path), 0o600)?;
            back.write_all(&theirs?)?;
            alike(&file, back.as_file())?;
            rename(back, path)?;
            return Err(changed());
        }
        _ => {}
    }
    for (link, other) in links.into_iter().zip(others) {
        link.persist(other).map_err(|error| {
            let (path, other, cause) = (path.display(), other.display(), &error.error);
            let said = format!("{path} is changed, but {other} still has the old content: {cause}");
            io::Error::new(cause.kind(), said)
        })?;
    }
    Ok(())
}

/// Gives a synced file the name of another one. If the file system can exchange files, the old file
/// has a temporary name until the result is dropped.
fn swap(new: NamedTempFile, path: &Path) -> io::Result<(File, Option<TempPath>)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        if renameat_with(CWD, new.path(), CWD, path, RenameFlags::EXCHANGE).is_ok() {
            let (new, was) = new.into_parts();
            return Ok((new, Some(was)));
        }
    }
    Ok((new.persist(path).map_err(|error| error.error)?, None))
}

fn contents(mut file: &File) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut contents)?;
    Ok(contents)
}

/// Returns whether a name refers to an open file.
#[cfg(unix)]
fn is(name: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let identity = |there: io::Result<fs::Metadata>| there.map(|there| (there.dev(), there.ino()));
    let (named, open) = (identity(fs::symlink_metadata(name)), identity(file.metadata()));
    matches!((named, open), (Ok(named), Ok(open)) if named == open)
}

#[cfg(not(unix))]
fn is(_: &Path, _: &File) -> bool {
    true
}

/// Copies the owner, permissions and attributes of an old file to a new one.
#[cfg(unix)]
fn alike(old: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let (had, has) = (old.metadata()?, new.metadata()?);
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        fchown(new, Some(had.uid()), Some(had.gid())).map_err(|error| {
            io::Error::new(error.kind(), "its owner or group would change: run as its owner")
        })?;
    }
    new.set_permissions(had.permissions())?;
    attributes(old, new)
}

#[cfg(not(unix))]
fn alike(old: &File, new: &File) -> io::Result<()> {
    new.set_permissions(old.metadata()?.permissions())
}

/// Copies extended attributes, including access control lists.
#[cfg(unix)]
fn attributes(old: &File, new: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

    // The maximum length of lists and values on Linux.
    let mut names = vec![0_u8; 1 << 16];
    let Ok(length) = flistxattr(old, &mut names[..]) else { return Ok(()) };
    let mut value = vec![0_u8; 1 << 16];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let length = fgetxattr(old, name, &mut value[..])?;
        let mut kept = vec![0_u8; length];
        if fgetxattr(new, name, &mut kept[..]).is_ok_and(|n| kept[..n] == value[..length]) {
            continue;
        }
        fsetxattr(new, name, &value[..length], XattrFlags::empty()).map_err(|error| {
            let name = String::from_utf8_lossy(name);
            io::Error::new(error.kind(), format!("its attribute `{name}` would be lost: {error}"))
        })?;
    }
    Ok(())
}

/// Creates a locked file in a directory, which is removed unless it is renamed.
pub(crate) fn temporary(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    loop {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        let file = builder.tempfile_in(folder).map_err(without_path)?;
        // On a file system without locks, no leftovers are removed.
        let _ = file.as_file().lock();
        // Another run may have removed it before it was locked.
        if file.path().try_exists()? {
            return Ok(file);
        }
    }
}

/// Returns an error without the path of the temporary file, which is of no use to the user.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((text, _)) => io::Error::new(error.kind(), text.to_owned()),
        None => error,
    }
}

/// Renames a file. It stays locked while the result is in use.
pub(crate) fn rename(new: NamedTempFile, path: &Path) -> io::Result<File> {
    new.as_file().sync_all()?;
    let file = new.persist(path).map_err(|error| error.error)?;
    sync(folder(path));
    Ok(file)
}

/// Syncs a directory, if the file system supports it, to make a rename durable.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Removes the leftovers of killed runs from a directory.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let random = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        let ours = random
            .is_some_and(|n| n.len() == 6 && n.bytes().all(|b| b.is_ascii_alphanumeric()))
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        // A locked file is still in use.
        if ours
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // Another run may remove it at the same time.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns the directory of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        let here = tempfile::tempdir().unwrap();
        let error = temporary(&here.path().join("none"), 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains(".pavisade-"), "{error}");
    }

    #[test]
    fn what_replaced_a_file_in_the_last_moment_is_known() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("a");
        fs::write(&path, "old").unwrap();
        let file = File::open(&path).unwrap();
        // An editor writes a new file and renames it.
        fs::write(here.path().join("b"), "theirs").unwrap();
        fs::rename(here.path().join("b"), &path).unwrap();
        assert!(!is(&path, &file));
        let new = temporary(here.path(), 0o600).unwrap();
        new.as_file().write_all(b"new").unwrap();
        let (_, was) = swap(new, &path).unwrap();
        // Some file systems cannot exchange files.
        let Some(was) = was else { return };
        assert!(!is(&was, &file));
        assert_eq!(fs::read_to_string(&was).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        was.persist(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    }
}
