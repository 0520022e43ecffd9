//! Limits on the contents of one database, so that an untrusted image cannot exhaust memory.

use crate::Package;
use crate::contents::{Contents, Problem};

/// The largest number of packages; a whole distribution has some ten thousand.
pub(crate) const MAX_PACKAGES: usize = 25_000;
/// The total bytes of names, versions and other strings.
const MAX_TEXT: usize = 16 << 20;
/// The total bytes of file names.
const MAX_FILES: usize = 64 << 20;
/// The largest number of problems kept.
const MAX_PROBLEMS: usize = 100;

/// The remaining room.
#[derive(Debug)]
pub(crate) struct Room {
    packages: usize,
    text: usize,
    files: usize,
    without_files: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self { packages: MAX_PACKAGES, text: MAX_TEXT, files: MAX_FILES, without_files: false }
    }
}

impl Room {
    /// Adds a package if there is room. Returns whether there was.
    pub(crate) fn add(&mut self, package: Package, contents: &mut Contents) -> bool {
        let text = |text: &String| text.len();
        let source = package.source.as_ref().map_or(0, |s| s.name.len() + s.version.len());
        let bytes = [&package.name, &package.version, &package.architecture].map(text);
        let licences: usize = package.licences.iter().map(text).sum();
        let bytes = bytes.iter().sum::<usize>() + source + licences;
        let left = self.packages.checked_sub(1).zip(self.text.checked_sub(bytes));
        let Some((packages, text)) = left else {
            let message = format!(
                "it holds more than {} packages or {} MiB of their names; the rest was not read",
                MAX_PACKAGES,
                MAX_TEXT >> 20
            );
            contents.problems.push(Problem::whole(message));
            return false;
        };
        (self.packages, self.text) = (packages, text);
        contents.packages.push(package);
        true
    }

    /// Returns whether there is room for a file name. A lack of room is reported once.
    pub(crate) fn file(&mut self, length: usize, contents: &mut Contents) -> bool {
        match self.files.checked_sub(length) {
            Some(left) => self.files = left,
            None if self.without_files => return false,
            None => {
                self.without_files = true;
                let message = format!(
                    "it names files of more than {} MiB; not all were read",
                    MAX_FILES >> 20
                );
                contents.problems.push(Problem::whole(message));
                return false;
            }
        }
        true
    }
}

/// Adds a problem unless there are too many.
pub(crate) fn tell(problem: Problem, contents: &mut Contents) {
    if contents.problems.len() < MAX_PROBLEMS {
        contents.problems.push(problem);
    }
}
