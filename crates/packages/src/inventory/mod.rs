//! The inventory of an image: its packages, and the layer and files that each comes from.
//!
//! A [`Collector`] reads the files of one layer, and a [`Builder`] combines the layers into an
//! [`Inventory`]. Neither depends on how images are stored: the resulting root file system is a
//! [`Root`].

mod build;
mod collect;
mod diff;
mod kept;
mod source;
mod taken;

use std::collections::BTreeMap;

use pavisade_model::{FileId, Note};

pub use build::Builder;
pub use collect::{Collector, Options};
pub use diff::{Change, Difference, diff};
pub use source::of_sources;

use crate::{Distribution, Kind, Package, Purl};

/// The contents of an image, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The name of the image, or its path if it has no name.
    pub name: String,
    /// Whether this is a source tree, with the packages from its lock files and manifests.
    pub source_tree: bool,
    /// The digest of the image; may be empty.
    pub digest: String,
    /// The platform: `linux/amd64`; empty if unknown.
    pub platform: String,
    /// The creation time (RFC 3339); empty if unknown.
    pub created: String,
    /// The labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The distribution of the root file system.
    pub distribution: Option<Distribution>,
    /// The layers, bottom first.
    pub layers: Vec<Layer>,
    /// The packages by ecosystem, name and version.
    pub packages: Vec<Found>,
    /// What could not be read.
    pub notes: Vec<Note>,
}

/// A layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// The digest of the blob; empty if unknown.
    pub digest: String,
    /// The digest of the uncompressed bytes; empty if unknown.
    pub diff_id: String,
    /// The instruction that created it; empty if unknown.
    pub instruction: String,
    /// The size of the blob in bytes, if known.
    pub packed: Option<u64>,
    /// The uncompressed size in bytes; 0 if unknown.
    pub bytes: u64,
}

/// A package in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The package.
    pub package: Package,
    /// The package URL, if there is one.
    pub purl: Option<Purl>,
    /// The files that name it, in order; at least one.
    pub places: Vec<Place>,
    /// The index of the distribution package that installed it.
    pub owner: Option<usize>,
}

/// A file that names a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path without a leading slash.
    pub path: String,
    /// The layer that added the package, from 0; `None` if unknown.
    pub layer: Option<u16>,
}

/// The root file system that results from the layers.
pub trait Root {
    /// Calls `each` with the path of every regular file.
    fn files(&self, each: &mut dyn FnMut(&str, FileId));

    /// Returns the file at a path, following links.
    fn file(&self, path: &str) -> Option<FileId>;
}

impl Inventory {
    /// Returns the number of packages of each ecosystem.
    pub fn count(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for found in &self.packages {
            *counts.entry(found.ecosystem()).or_default() += 1;
        }
        counts
    }

    /// Sorts packages and updates the indexes of owners.
    pub(crate) fn sort(&mut self) {
        let mut numbered: Vec<_> =
            std::mem::take(&mut self.packages).into_iter().enumerate().collect();
        numbered.sort_by(|(_, a), (_, b)| a.order().cmp(&b.order()));
        let mut moved = vec![0; numbered.len()];
        for (new, (old, _)) in numbered.iter().enumerate() {
            moved[*old] = new;
        }
        let renumbered = numbered.into_iter().map(|(_, mut found)| {
            found.owner = found.owner.and_then(|owner| moved.get(owner)).copied();
            found
        });
        self.packages = renumbered.collect();
    }

    /// Returns a layer by its index.
    pub fn layer(&self, number: Option<u16>) -> Option<&Layer> {
        self.layers.get(usize::from(number?))
    }

    /// Returns a unique name for each package: its package URL if there is one.
    pub fn references(&self) -> Vec<String> {
        let mut seen = BTreeMap::new();
        let name = |found: &Found| match &found.purl {
            Some(purl) => purl.to_string(),
            None => {
                let Package { name, version, .. } = &found.package;
                format!("{}:{name}@{version}", found.ecosystem())
            }
        };
        let unique = |name: String| {
            let count = seen.entry(name.clone()).or_insert(0_usize);
            *count += 1;
            if *count == 1 { name } else { format!("{name}#{count}") }
        };
        self.packages.iter().map(name).map(unique).collect()
    }
}

impl Found {
    /// Returns the ecosystem: the type of the package URL.
    pub fn ecosystem(&self) -> &str {
        match (self.package.kind, &self.purl) {
            (Kind::Other, Some(purl)) => purl.kind(),
            (kind, _) => kind.name(),
        }
    }

    fn order(&self) -> impl Ord + '_ {
        let Package { name, version, architecture, .. } = &self.package;
        (self.ecosystem(), name, version, architecture, &self.places)
    }

    /// Returns the lowest layer that added it.
    pub fn layer(&self) -> Option<u16> {
        self.places.iter().filter_map(|place| place.layer).min()
    }

    /// Returns the licences as one SPDX expression, if all are valid.
    pub fn licence(&self) -> Option<String> {
        let mut all = Vec::new();
        for licence in &self.package.licences {
            let one = crate::licence::expression(licence)?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        match &*all {
            [] => None,
            [one] => Some(one.clone()),
            // OR has a lower precedence than AND.
            several => {
                let inner = |one: &String| {
                    let is_choice = one.contains(" OR ") && !is_enclosed(one);
                    if is_choice { format!("({one})") } else { one.clone() }
                };
                Some(several.iter().map(inner).collect::<Vec<_>>().join(" AND "))
            }
        }
    }
}

/// Returns whether the first and the last parenthesis match.
fn is_enclosed(expression: &str) -> bool {
    let mut depth = 0_i32;
    let inner = expression.strip_suffix(')').unwrap_or_default();
    expression.starts_with('(')
        && inner.chars().all(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth > 0
        })
}

#[cfg(test)]
mod tests;
