//! What a walk left out: hidden entries, and those that ignore files name.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::names::{self, Named};

/// Entries of folders that were walked. What is inside of them is not looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub hidden: usize,
    pub ignored: usize,
}

/// Counts the entries of `folders` that are not among the `known` ones: folders, and files whose
/// names count. What Git keeps for itself is no part of what is scanned, and our own configuration
/// is read elsewhere.
pub(crate) fn count(folders: &[PathBuf], known: &HashSet<&OsStr>) -> LeftOut {
    let of_folder = |folder: &PathBuf| {
        let mut left_out = LeftOut::default();
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(may_count) {
            if !known.contains(entry.path().as_os_str()) {
                let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                *(if hidden { &mut left_out.hidden } else { &mut left_out.ignored }) += 1;
            }
        }
        left_out
    };
    folders.par_iter().with_min_len(16).map(of_folder).reduce(LeftOut::default, |a, b| LeftOut {
        hidden: a.hidden + b.hidden,
        ignored: a.ignored + b.ignored,
    })
}

fn may_count(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
        return name != ".git";
    }
    name != ".pavisade.yaml"
        && !matches!(names::named(&names::of(Path::new(&name))), Named::Other | Named::Template)
}

impl LeftOut {
    /// "2 hidden and 1 ignored files and folders were left out", where there are any.
    pub(crate) fn message(self) -> Option<String> {
        let of = |count: usize, what| (count > 0).then(|| format!("{count} {what}"));
        let parts = [of(self.hidden, "hidden"), of(self.ignored, "ignored")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let (noun, verb) = match self.hidden + self.ignored {
            1 => ("file or folder", "was"),
            _ => ("files and folders", "were"),
        };
        let parts = (!parts.is_empty()).then(|| parts.join(" and "))?;
        Some(format!("{parts} {noun} {verb} not looked at"))
    }
}
