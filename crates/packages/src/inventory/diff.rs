//! Compares the packages of two images.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Inventory};

/// The difference between two images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The changes by ecosystem and name.
    pub changes: Vec<Change>,
    /// The number of packages that are equal.
    pub same: usize,
}

/// A changed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The type of its package URL.
    pub ecosystem: String,
    /// The name.
    pub name: String,
    /// The architecture, if its database states one.
    pub architecture: String,
    /// Versions that only the earlier image has; empty if the package was added.
    pub before: Vec<String>,
    /// Versions that only the later image has; empty if the package was removed.
    pub after: Vec<String>,
    /// The layer of the later image that added it, if known.
    pub layer: Option<u16>,
}

/// A package without its version.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Compares two images. A package may have several versions; those in both images are equal.
pub fn diff(before: &Inventory, after: &Inventory) -> Difference {
    let (old, new) = (versions(before), versions(after));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let none = BTreeMap::new();
    let mut difference = Difference::default();
    for key in keys {
        let (old, new) = (old.get(&key).unwrap_or(&none), new.get(&key).unwrap_or(&none));
        let only = |these: &BTreeMap<&str, Option<u16>>, others: &BTreeMap<&str, Option<u16>>| {
            let only = these.keys().filter(|version| !others.contains_key(*version));
            only.map(|version| (*version).to_owned()).collect::<Vec<_>>()
        };
        let (gone, come) = (only(old, new), only(new, old));
        difference.same += new.len() - come.len();
        if gone.is_empty() && come.is_empty() {
            continue;
        }
        let layer =
            come.iter().filter_map(|version| new.get(version.as_str()).copied().flatten()).min();
        difference.changes.push(Change {
            ecosystem: key.0.to_owned(),
            name: key.1.to_owned(),
            architecture: key.2.to_owned(),
            before: gone,
            after: come,
            layer,
        });
    }
    difference
}

/// Returns the versions of each package, with their layers.
fn versions(inventory: &Inventory) -> BTreeMap<Key<'_>, BTreeMap<&str, Option<u16>>> {
    let mut versions: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for found in &inventory.packages {
        let Found { package, .. } = found;
        let key = (found.ecosystem(), &*package.name, &*package.architecture);
        versions.entry(key).or_default().insert(&*package.version, found.layer());
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Package};

    fn image(packages: &[(&str, &str)]) -> Inventory {
        let found = |(name, version): &(&str, &str)| Found {
            package: Package {
                kind: Kind::Npm,
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                ..Package::default()
            },
            ..Found::default()
        };
        Inventory { packages: packages.iter().map(found).collect(), ..Inventory::default() }
    }

    #[test]
    fn versions_that_both_have_are_the_same() {
        let before =
            image(&[("gone", "1"), ("new", "1"), ("same", "1"), ("two", "1"), ("two", "2")]);
        let after = image(&[("new", "2"), ("same", "1"), ("two", "2"), ("two", "3"), ("x", "1")]);
        let difference = diff(&before, &after);
        let rows: Vec<_> = difference
            .changes
            .iter()
            .map(|c| format!("{} {} > {}", c.name, c.before.join(","), c.after.join(",")))
            .collect();
        assert_eq!(rows, ["gone 1 > ", "new 1 > 2", "two 1 > 3", "x  > 1"]);
        assert_eq!(difference.same, 2);
        assert_eq!(diff(&before, &before), Difference { changes: Vec::new(), same: 5 });
    }
}
