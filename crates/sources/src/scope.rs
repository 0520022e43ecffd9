//! Which of the files below a folder count, and which are joined as one world.

use std::path::Path;

use pavisade_model::{Base, Glob, below};

/// What the user's configuration says of paths; by default all count, and none are joined.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// What the patterns are relative to.
    pub base: Base,
    /// Only what one of these matches, if there are any.
    pub include: Vec<Glob>,
    /// Nothing that one of these matches.
    pub exclude: Vec<Glob>,
    /// Worlds by name, with the paths that belong to them.
    pub worlds: Vec<(String, Vec<Glob>)>,
}

impl Scope {
    /// What counts below a given folder. What leaves out the folder itself does not count: it was
    /// named, and that wins.
    pub(crate) fn below(&self, given: &Path) -> Self {
        let mut scope = self.clone();
        if let Some(path) = self.path(given) {
            scope.exclude.retain(|glob| !glob.matches_path(&path));
        }
        scope
    }

    fn path(&self, path: &Path) -> Option<String> {
        self.base.folders.iter().find_map(|folder| below(path, folder))
    }

    /// Whether a file or folder is left out, with all that is in it.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        !self.exclude.is_empty()
            && self
                .path(path)
                .is_some_and(|path| self.exclude.iter().any(|glob| glob.matches_path(&path)))
    }

    /// Whether a file is none of those that alone count.
    pub(crate) fn passes_over(&self, file: &Path) -> bool {
        !self.include.is_empty()
            && self
                .path(file)
                .is_some_and(|path| !self.include.iter().any(|glob| glob.matches_path(&path)))
    }

    /// The world of a file, by the name that users know it by.
    pub(crate) fn world_of(&self, name: &str) -> Option<usize> {
        let path = self.base.relative(name)?;
        let of = |(_, globs): &(String, Vec<Glob>)| globs.iter().any(|g| g.matches_path(&path));
        self.worlds.iter().position(of)
    }
}
