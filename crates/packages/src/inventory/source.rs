//! The packages in lock files and manifests of a source tree.

use std::collections::BTreeMap;

use super::build::note;
use super::{Found, Inventory, Place};
use crate::{Contents, Need, Package};

/// Combines the files of a source tree; paths are relative to the root of the tree. Code of the
/// tree itself is not listed.
pub fn of_sources(name: String, files: Vec<(String, Contents)>) -> Inventory {
    let mut inventory = Inventory { name, source_tree: true, ..Inventory::default() };
    let mut same: BTreeMap<_, Found> = BTreeMap::new();
    for (path, Contents { packages, problems }) in files {
        inventory.notes.extend(problems.iter().map(|problem| note(&path, problem)));
        for package in packages.into_iter().filter(|package| !package.local) {
            let place = Place { path: path.clone(), layer: None };
            let Package { kind, name, version, commit, .. } = &package;
            let key = (*kind, name.clone(), version.clone(), commit.clone());
            match same.get_mut(&key) {
                Some(first) => {
                    first.places.push(place);
                    join(&mut first.package, package);
                }
                None => {
                    let purl = package.purl(None);
                    let found = Found { package, purl, places: vec![place], owner: None };
                    same.insert(key, found);
                }
            }
        }
    }
    inventory.packages = same.into_values().collect();
    for found in &mut inventory.packages {
        found.places.sort();
        found.places.dedup();
    }
    inventory.sort();
    inventory
}

/// Merges a package that several files name. It counts as needed in production if any of them needs
/// it there.
fn join(first: &mut Package, other: Package) {
    if first.need == Need::Production || other.need == Need::Production {
        first.groups.clear();
    } else {
        first.groups.extend(other.groups);
        first.groups.sort();
        first.groups.dedup();
    }
    first.need = first.need.min(other.need);
    first.bound &= other.bound;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_package_of_two_files_is_one_and_needed_where_one_needs_it() {
        let package = |name: &str, groups: &[&str]| Package {
            kind: Kind::Npm,
            name: name.into(),
            version: "1".into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            need: if groups.is_empty() { Need::Production } else { Need::Development },
            ..Package::default()
        };
        let file =
            |path: &str, packages| (path.to_owned(), Contents { packages, problems: Vec::new() });
        let own = Package { local: true, ..package("own", &[]) };
        let found = of_sources(
            "tree".into(),
            vec![
                file("b/package-lock.json", vec![package("x", &["dev"]), package("y", &["dev"])]),
                file("a/package-lock.json", vec![package("x", &[]), package("y", &["test"]), own]),
            ],
        );
        let told: Vec<_> = found
            .packages
            .iter()
            .map(|one| {
                let places: Vec<_> = one.places.iter().map(|place| &*place.path).collect();
                (one.package.name.as_str(), one.package.groups.join(","), places.join(" "))
            })
            .collect();
        let both = || "a/package-lock.json b/package-lock.json".to_owned();
        assert_eq!(told, [("x", String::new(), both()), ("y", "dev,test".to_owned(), both())]);
    }
}
