//! The packages of one lock file without duplicates.

use std::collections::HashMap;

use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

/// The largest number of packages in one file; the largest monorepos have some ten thousand.
const MAX_PACKAGES: usize = 200_000;
/// The largest number of groups of one package.
const MAX_GROUPS: usize = 64;
/// The largest number of problems kept for one file.
pub(super) const MAX_PROBLEMS: usize = 100;

/// Packages in the order of the file. Those with the same name and version or commit are merged.
#[derive(Default)]
pub(super) struct List {
    contents: Contents,
    places: HashMap<(String, String), usize>,
    is_full: bool,
}

impl List {
    /// Adds a package. A duplicate keeps only the groups that both have: it is needed in production
    /// if one occurrence is.
    pub(super) fn add(&mut self, package: Package) {
        let what = if package.commit.is_empty() { &package.version } else { &package.commit };
        let key = (package.name.clone(), what.clone());
        let packages = &mut self.contents.packages;
        let Some(known) = self.places.get(&key).and_then(|&at| packages.get_mut(at)) else {
            if packages.len() < MAX_PACKAGES {
                self.places.insert(key, packages.len());
                packages.push(package);
            } else if !self.is_full {
                self.is_full = true;
                let message = format!("more than {MAX_PACKAGES} packages; the rest was not read");
                self.contents.problems.push(Problem { line: package.line, message });
            }
            return;
        };
        known.need = known.need.min(package.need);
        known.bound &= package.bound;
        known.local &= package.local;
        if known.groups.is_empty() || package.groups.is_empty() {
            known.groups.clear();
        } else if known.groups.len() < MAX_GROUPS {
            known.groups.extend(package.groups);
            known.groups.sort();
            known.groups.dedup();
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        if self.contents.problems.len() < MAX_PROBLEMS {
            self.contents.problems.push(problem);
        }
    }

    pub(super) fn problems(&mut self) -> &mut Vec<Problem> {
        &mut self.contents.problems
    }

    pub(super) fn into_contents(self) -> Contents {
        self.contents
    }
}

impl Package {
    /// Returns a package of a lock file.
    pub(super) fn locked(kind: Kind, name: &str, version: &str, line: u32) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            line: Some(line),
            ..Self::default()
        }
    }
}
