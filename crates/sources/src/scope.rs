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
    /// What the patterns of `exclude_here` are relative to.
    pub here: Base,
    /// Nothing that one of these matches either.
    pub exclude_here: Vec<Glob>,
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
        if let Some(path) = relative(&self.here, given) {
            scope.exclude_here.retain(|glob| !glob.matches_path(&path));
        }
        scope
    }

    fn path(&self, path: &Path) -> Option<String> {
        relative(&self.base, path)
    }

    /// Whether a file or folder is left out, with all that is in it.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        let of = |base: &Base, globs: &[Glob]| {
            !globs.is_empty()
                && relative(base, path)
                    .is_some_and(|path| globs.iter().any(|glob| glob.matches_path(&path)))
        };
        of(&self.base, &self.exclude) || of(&self.here, &self.exclude_here)
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

fn relative(base: &Base, path: &Path) -> Option<String> {
    base.folders.iter().find_map(|folder| below(path, folder))
}
