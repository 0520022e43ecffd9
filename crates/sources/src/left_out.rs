//! Counts what a walk excluded: hidden and ignored entries.

use std::ops::AddAssign;
use std::path::Path;

use crate::ignored::Why;
use crate::names::{self, Named};

/// The numbers of excluded directories, and of excluded files with relevant names. Content of
/// directories is not counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub hidden: usize,
    pub ignored: usize,
}

impl LeftOut {
    /// Counts an entry if it may contain objects. The directory `.git` and the configuration of
    /// Pavisade do not count.
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

    /// Returns "2 hidden and 1 ignored files and folders were left out", if there are any.
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
