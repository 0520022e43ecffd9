//! What a walk left out: hidden entries, and those that ignore files name.

use std::ops::AddAssign;
use std::path::Path;

use crate::ignored::Why;
use crate::names::{self, Named};

/// Folders, and files whose names count. What is inside of the folders is not looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub hidden: usize,
    pub ignored: usize,
}

impl LeftOut {
    /// Counts an entry, unless its name says that no object is in it. What Git keeps for itself is
    /// no part of what is scanned, and our own configuration is read elsewhere.
    pub(crate) fn add(&mut self, why: Why, path: &Path, is_folder: bool) {
        let name = names::of(path);
        let counts = match is_folder {
            true => name != ".git",
            false => {
                let named = names::named(&name);
                name != ".pavisade.yaml" && !matches!(named, Named::Other | Named::Template)
            }
        };
        match why {
            Why::Hidden => self.hidden += usize::from(counts),
            Why::Ignored => self.ignored += usize::from(counts),
        }
    }

    /// "2 hidden and 1 ignored files and folders were left out", where there are any.
    pub(crate) fn message(self) -> Option<String> {
        let of = |count: usize, what| (count > 0).then(|| format!("{count} {what}"));
        let parts = [of(self.hidden, "hidden"), of(self.ignored, "ignored")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let (noun, verb) = match self.hidden + self.ignored {
            1 => ("file or directory", "was"),
            _ => ("files and directories", "were"),
        };
        let parts = (!parts.is_empty()).then(|| parts.join(" and "))?;
        Some(format!("{parts} {noun} {verb} not scanned"))
    }
}

impl AddAssign for LeftOut {
    fn add_assign(&mut self, other: Self) {
        self.hidden += other.hidden;
        self.ignored += other.ignored;
    }
}
