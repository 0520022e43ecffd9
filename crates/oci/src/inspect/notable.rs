//! Security-relevant files of the root file system, found in one pass over its names.

use std::collections::HashSet;

use pavisade_model::FileId;
use pavisade_snapshot::{Notable, NotableFile};

use super::{Candidate, file_id};
use crate::{Kind, Tree};

/// The largest number of files listed for each reason.
const MAX_FILES: usize = 1_000;
const SET_USER: u16 = 0o4000;
const SET_GROUP: u16 = 0o2000;
const STICKY: u16 = 0o1000;
const ANY_EXECUTES: u16 = 0o111;
const OTHERS_WRITE: u16 = 0o002;

/// Returns the notable files, the IDs of the candidates that still exist, and why files may be
/// missing.
pub(super) fn find<'a>(
    tree: &Tree,
    candidates: impl Iterator<Item = &'a Candidate>,
) -> (Vec<NotableFile>, HashSet<FileId>, Option<String>) {
    let wanted: HashSet<_> = candidates.map(|candidate| candidate.id).collect();
    let mut left = HashSet::new();
    let mut files = Files::default();
    tree.each(|path, kind, mode, layer| {
        left.extend(file_id(kind).filter(|id| wanted.contains(id)));
        files.look(path, kind, mode, layer);
    });
    let Files { mut found, counts, .. } = files;
    found.sort_by(|a, b| (&a.path, a.why).cmp(&(&b.path, b.why)));
    let is_cut = counts.iter().any(|count| *count > MAX_FILES);
    let gap = is_cut.then(|| {
        format!(
            "the image has more than {MAX_FILES} files with special permissions: not all are listed"
        )
    });
    (found, left, gap)
}

#[derive(Default)]
struct Files {
    found: Vec<NotableFile>,
    /// The number of files for each reason.
    counts: [usize; Notable::ALL.len()],
    /// The index of the last world-writable directory.
    open: Option<usize>,
}

impl Files {
    fn look(&mut self, path: &[u8], kind: Kind, mode: u16, layer: u16) {
        let is_file = matches!(kind, Kind::File(_));
        if is_file && mode & ANY_EXECUTES != 0 {
            if mode & SET_USER != 0 {
                self.add(path, layer, Notable::SetUser);
            }
            // Without group execute permission, this bit means mandatory locking.
            if mode & SET_GROUP != 0 && mode & 0o010 != 0 {
                self.add(path, layer, Notable::SetGroup);
            }
        }
        let is_sticky = kind == Kind::Folder && mode & STICKY != 0;
        if (is_file || kind == Kind::Folder) && mode & OTHERS_WRITE != 0 && !is_sticky {
            self.writable(path, kind, layer);
        }
        if is_file || kind == Kind::Link {
            self.program(path, layer);
        }
    }

    /// Counts files in a world-writable directory with that directory.
    fn writable(&mut self, path: &[u8], kind: Kind, layer: u16) {
        if let Some(folder) = self.open.and_then(|at| self.found.get_mut(at))
            && let Some(rest) = path.strip_prefix(folder.path.as_bytes())
            && rest.starts_with(b"/")
        {
            folder.below = folder.below.saturating_add(1);
            return;
        }
        let before = self.found.len();
        self.add(path, layer, Notable::WorldWritable);
        // Files below a directory that is not listed are not counted.
        if kind == Kind::Folder {
            self.open = (self.found.len() > before).then_some(before);
        }
    }

    fn program(&mut self, path: &[u8], layer: u16) {
        const SHELLS: [&[u8]; 8] =
            [b"ash", b"bash", b"busybox", b"dash", b"fish", b"ksh", b"sh", b"zsh"];
        const MANAGERS: [&[u8]; 12] = [
            b"apk",
            b"apt",
            b"apt-get",
            b"dnf",
            b"dnf5",
            b"dpkg",
            b"microdnf",
            b"opkg",
            b"pacman",
            b"rpm",
            b"yum",
            b"zypper",
        ];
        let Some(slash) = path.iter().rposition(|byte| *byte == b'/') else { return };
        let (folder, name) = (&path[..slash], &path[slash + 1..]);
        let folder = folder.strip_prefix(b"usr/").unwrap_or(folder);
        let folder = folder.strip_prefix(b"local/").unwrap_or(folder);
        if !matches!(folder, b"bin" | b"sbin") {
            return;
        }
        if SHELLS.contains(&name) {
            self.add(path, layer, Notable::Shell);
        } else if MANAGERS.contains(&name) {
            self.add(path, layer, Notable::PackageManager);
        }
    }

    fn add(&mut self, path: &[u8], layer: u16, why: Notable) {
        let count = Notable::ALL.iter().position(|(known, _)| *known == why);
        let Some(count) = count.and_then(|at| self.counts.get_mut(at)) else { return };
        *count += 1;
        if *count <= MAX_FILES {
            let path = String::from_utf8_lossy(path).into();
            self.found.push(NotableFile { path, layer: Some(layer.into()), why, below: 0 });
        }
    }
}
