//! What is in an image: its packages, and where each comes from.
//!
//! A [`Collector`] takes the files of one layer, a [`Builder`] joins the layers and makes the
//! [`Inventory`]. Neither knows how images are stored: the root file system that is left in the end
//! is a [`Root`].

mod build;
mod collect;
mod diff;
mod kept;
mod taken;

use std::collections::BTreeMap;

use pavisade_model::{FileId, Note};

pub use build::Builder;
pub use collect::{Collector, Options};
pub use diff::{Change, Difference, diff};

use crate::{Distribution, Kind, Package, Purl};

/// All that an image holds, as far as it could be read.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// What the image is called; a path where it has no name.
    pub name: String,
    /// The digest of the image; empty where it has none.
    pub digest: String,
    /// The machine that it is for: `linux/amd64`; empty where nothing says so.
    pub platform: String,
    /// When it was made (RFC 3339); empty where nothing says so.
    pub created: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The distribution of its root file system.
    pub distribution: Option<Distribution>,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// Its packages by ecosystem, name and version.
    pub packages: Vec<Found>,
    /// What could not be read.
    pub notes: Vec<Note>,
}

/// A layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its blob; empty where it is named by none.
    pub digest: String,
    /// The digest of its uncompressed bytes; empty where nothing says so.
    pub diff_id: String,
    /// The instruction that made it; empty where nothing says so.
    pub instruction: String,
    /// Bytes of its blob, where that is known.
    pub packed: Option<u64>,
    /// Bytes when it is unpacked; 0 where that is not known.
    pub bytes: u64,
}

/// A package in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The package.
    pub package: Package,
    /// Its package URL, where it has one.
    pub purl: Option<Purl>,
    /// Files that name it, in order; at least one.
    pub places: Vec<Place>,
    /// The package of the distribution that brought it, by its number in the inventory.
    pub owner: Option<usize>,
}

/// A file that names a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path, without a leading slash.
    pub path: String,
    /// The layer that brought the package, from 0; `None` where that is not known.
    pub layer: Option<u16>,
}

/// The root file system that layers make.
pub trait Root {
    /// Calls `each` with the path of every regular file.
    fn files(&self, each: &mut dyn FnMut(&str, FileId));

    /// The file that a path leads to, links followed.
    fn file(&self, path: &str) -> Option<FileId>;
}

impl Inventory {
    /// How many packages there are of each ecosystem.
    pub fn count(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for found in &self.packages {
            *counts.entry(found.ecosystem()).or_default() += 1;
        }
        counts
    }

    /// Puts packages in order, and their owners' numbers with them.
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

    /// The layer with that number.
    pub fn layer(&self, number: Option<u16>) -> Option<&Layer> {
        self.layers.get(usize::from(number?))
    }

    /// Names for packages that no two share: their URLs where they have one.
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
    /// Its ecosystem: the type of its package URL.
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

    /// The layer that brought it first.
    pub fn layer(&self) -> Option<u16> {
        self.places.iter().filter_map(|place| place.layer).min()
    }

    /// Its licences as one SPDX expression, where all of them are clear.
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
            // OR binds less than AND.
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

/// Whether the first and the last parenthesis are a pair.
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
