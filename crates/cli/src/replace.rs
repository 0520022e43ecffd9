//! Files that are replaced as a whole: whoever reads one sees the old or the new content, whatever
//! ends the program.
//!
//! The new content is written to a file beside the old one, synced, and renamed. A run that is
//! killed leaves that file behind; the next run that writes to the same folder removes it. Each
//! such file is locked while its program runs, which tells a leftover from the work of another run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempPath};

/// Names of our temporary files.
const PREFIX: &str = ".pavisade-";
const SUFFIX: &str = ".tmp";

/// A file to be written, checked before the work.
pub(crate) enum Target {
    /// A regular file, or none yet: it is replaced. A link is replaced by a file, and a
    /// mounted file is written in place.
    Whole(PathBuf),
    /// A pipe, a device or a file that somebody else opened for us: it is written to as it is.
    Stream(File),
}

impl Target {
    /// # Errors
    /// It cannot be written.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let Ok(there) = fs::symlink_metadata(path) else { return Self::beside(path) };
        if there.is_symlink() {
            // `/dev/stdout` leads to what the shell opened.
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
            // A file that may not be written stays, though its folder could give it up.
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

    /// Writes everything. A new file gets the permissions `mode`, less the umask.
    ///
    /// # Errors
    /// It cannot be written; what was there is there still.
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
                // The file that a link leads to says nothing of ours.
                if let Ok(old) = fs::symlink_metadata(&path)
                    && old.is_file()
                {
                    new.as_file().set_permissions(old.permissions())?;
                }
                new.as_file().sync_all()?;
                match new.persist(&path) {
                    Ok(_) => sync(folder(&path)),
                    // A mounted file, as in a container, cannot be replaced.
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

/// Whether a folder gives up the file of that name to the owner of a new one. In `/tmp` and its
/// like, only the owner of a file or of the folder may replace it.
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

/// Writes what is in a new file into an old one.
fn overwrite(mut new: File, path: &Path) -> io::Result<()> {
    let mut old = OpenOptions::new().write(true).truncate(true).open(path)?;
    new.rewind()?;
    io::copy(&mut new, &mut old)?;
    old.sync_all()
}

/// Replaces a file that still holds `old`. Its mode, owner and extended attributes stay, and it
/// keeps its `others`, further names on its disk.
///
/// # Errors
/// It cannot be written, or somebody changed it: then it is as they left it. Where it has the new
/// text all the same, the message says so.
pub(crate) fn exchange(path: &Path, others: &[PathBuf], old: &[u8], text: &[u8]) -> io::Result<()> {
    // A file that may not be written stays, though its folder could give it up.
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    // What is replaced has a temporary name for a moment.
    let _ = file.try_lock();
    sweep(folder(path));
    let mut new = temporary(folder(path), 0o600)?;
    new.write_all(text)?;
    alike(&file, new.as_file())?;
    new.as_file().sync_all()?;
    // What can fail is done before anything changes. The lock of the new file covers its links.
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
    // Somebody may have written to the old file, or replaced it, in the same moment.
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

/// Gives a synced file the name of another one. What had that name has a temporary one until the
/// result goes, where the file system can swap two files.
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

/// Whether a name leads to a file that is open.
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

/// Gives a new file the owner, permissions and attributes of an old one.
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

/// Extended attributes, access control lists among them.
#[cfg(unix)]
fn attributes(old: &File, new: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

    // Linux takes no longer lists or values.
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

/// A locked file in a folder, which goes again unless it is renamed.
pub(crate) fn temporary(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    loop {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        let file = builder.tempfile_in(folder)?;
        // A file system without locks has no sweeping either.
        let _ = file.as_file().lock();
        // Another run may have swept it away before it was locked.
        if file.path().try_exists()? {
            return Ok(file);
        }
    }
}

/// Gives a file its final name. It stays locked while the result lives.
pub(crate) fn rename(new: NamedTempFile, path: &Path) -> io::Result<File> {
    new.as_file().sync_all()?;
    let file = new.persist(path).map_err(|error| error.error)?;
    sync(folder(path));
    Ok(file)
}

/// Makes a new name in a folder safe where that can be synced; not every file system does it.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Removes what runs that were killed left in a folder.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let random = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        let ours = random
            .is_some_and(|n| n.len() == 6 && n.bytes().all(|b| b.is_ascii_alphanumeric()))
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        // Its program runs while it is locked.
        if ours
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // Somebody else may sweep as well.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The folder that a file is in.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_replaced_a_file_in_the_last_moment_is_known() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("a");
        fs::write(&path, "old").unwrap();
        let file = File::open(&path).unwrap();
        // An editor writes its file beside the old one and renames it.
        fs::write(here.path().join("b"), "theirs").unwrap();
        fs::rename(here.path().join("b"), &path).unwrap();
        assert!(!is(&path, &file));
        let new = temporary(here.path(), 0o600).unwrap();
        new.as_file().write_all(b"new").unwrap();
        let (_, was) = swap(new, &path).unwrap();
        // Some file systems cannot swap.
        let Some(was) = was else { return };
        assert!(!is(&was, &file));
        assert_eq!(fs::read_to_string(&was).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        was.persist(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    }
}
