//! A root file system in a directory, read as a single layer.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pavisade_model::{LayerFile, LayerVisitor, Note, NoteKind};

use crate::archive::{Entry, EntryKind};
use crate::place::open_regular;
use crate::{Budget, LayerRead, Refusal};

/// Directories that the kernel provides on a running system.
const OF_KERNEL: [&str; 3] = ["proc", "sys", "dev"];

/// Returns whether a directory contains a root file system.
pub(crate) fn is_root(folder: &Path) -> bool {
    crate::ROOTS.iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok())
}

/// Walks a directory in the order of its names. What cannot be read becomes a note.
///
/// # Errors
/// There are more names than the limits allow.
pub(crate) fn read(
    root: &Path,
    layer: u16,
    budget: &Budget,
    visitor: &mut dyn LayerVisitor,
) -> Result<(LayerRead, Vec<Note>), Refusal> {
    let mut read = LayerRead::default();
    let mut notes = Vec::new();
    // Directories to visit, the next one last.
    let mut open = vec![(root.to_owned(), Vec::new())];
    while let Some((folder, prefix)) = open.pop() {
        let mut names = match list(&folder) {
            Ok(names) => names,
            Err(error) => {
                notes.push(note(&folder, &error));
                continue;
            }
        };
        names.sort_by(|a, b| a.0.cmp(&b.0));
        let mut inner = Vec::new();
        for (name, path) in names {
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => {
                    notes.push(note(&path, &error));
                    continue;
                }
            };
            // Names that look like whiteouts are not files of a container.
            if name.starts_with(b".wh.") {
                continue;
            }
            let whole = if prefix.is_empty() { name } else { [&prefix, &b"/"[..], &name].concat() };
            let entry = entry(whole.clone(), &path, &metadata);
            if metadata.is_dir() && !OF_KERNEL.iter().any(|name| whole == name.as_bytes()) {
                inner.push((path.clone(), whole));
            }
            if entry.kind == EntryKind::File {
                read.bytes = read.bytes.saturating_add(entry.size);
                let text = String::from_utf8_lossy(&entry.path);
                let (size, mode) = (entry.size, entry.mode);
                let number = read.entries.count();
                let file = LayerFile { path: &text, size, mode, layer, entry: number };
                if visitor.wants(&file)
                    && let Err(error) = take(&file, &path, visitor)
                {
                    notes.push(note(&path, &error));
                }
            }
            read.entries.push(entry, budget)?;
        }
        open.extend(inner.into_iter().rev());
    }
    Ok((read, notes))
}

fn list(folder: &Path) -> io::Result<Vec<(Vec<u8>, PathBuf)>> {
    let named = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().into_encoded_bytes(), entry.path()))
    };
    fs::read_dir(folder)?.map(named).collect()
}

fn entry(name: Vec<u8>, path: &Path, metadata: &Metadata) -> Entry {
    let target = || fs::read_link(path).map(|target| target.into_os_string().into_encoded_bytes());
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => EntryKind::Folder,
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_symlink() => EntryKind::Link,
        _ => EntryKind::Other,
    };
    let target = if kind == EntryKind::Link { target().unwrap_or_default() } else { Vec::new() };
    let size = if kind == EntryKind::File { metadata.len() } else { 0 };
    Entry { path: name, target, mode: mode(metadata), kind, size }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u16 {
    use std::os::unix::fs::PermissionsExt as _;

    (metadata.permissions().mode() & 0o7777) as u16
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u16 {
    0o755
}

fn take(file: &LayerFile<'_>, path: &Path, visitor: &mut dyn LayerVisitor) -> io::Result<()> {
    // The file may grow while it is read.
    let mut bytes = open_regular(path)?.take(file.size);
    visitor.take(file, &mut bytes)
}

fn note(path: &Path, error: &io::Error) -> Note {
    Note {
        kind: NoteKind::Unread,
        place: path.display().to_string(),
        span: None,
        message: error.to_string(),
        remedy: String::new(),
    }
}
