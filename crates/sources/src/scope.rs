//! Which files below a directory are read, and which are joined into a world.

use std::path::Path;

use pavisade_model::{Base, Glob, below};

/// The configuration for paths. By default, all files are read and none are joined.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The base of the patterns.
    pub base: Base,
    /// If not empty, only files that match one of these are read.
    pub include: Vec<Glob>,
    /// Files that match one of these are not read.
    pub exclude: Vec<Glob>,
    /// The base of the patterns of `exclude_here`.
    pub here: Base,
    /// Files that match one of these are not read either.
    pub exclude_here: Vec<Glob>,
    /// Worlds by name, with the paths that belong to them.
    pub worlds: Vec<(String, Vec<Glob>)>,
}

impl Scope {
    /// Returns the scope below a given directory. Patterns that exclude the directory itself are
    /// dropped, because the user named it.
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

    /// Whether a file, or a directory with its content, is excluded.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        let of = |base: &Base, globs: &[Glob]| {
            !globs.is_empty()
                && relative(base, path)
                    .is_some_and(|path| globs.iter().any(|glob| glob.matches_path(&path)))
        };
        of(&self.base, &self.exclude) || of(&self.here, &self.exclude_here)
    }

    /// Whether a file is not matched by `include`.
    pub(crate) fn passes_over(&self, file: &Path) -> bool {
        !self.include.is_empty()
            && self
                .path(file)
                .is_some_and(|path| !self.include.iter().any(|glob| glob.matches_path(&path)))
    }

    /// Returns the index of the world of a file, by the name shown to users.
    pub(crate) fn world_of(&self, name: &str) -> Option<usize> {
        let path = self.base.relative(name)?;
        let of = |(_, globs): &(String, Vec<Glob>)| globs.iter().any(|g| g.matches_path(&path));
        self.worlds.iter().position(of)
    }
}

fn relative(base: &Base, path: &Path) -> Option<String> {
    base.folders.iter().find_map(|folder| below(path, folder))
}
