//! The resources that Kubernetes 1.37 serves, to understand what people write and to say which rules
//! can never match.
//!
//! The table is what the discovery files of Kubernetes 1.37.2 say, completed by hand, and the
//! resources that only authorizers know: those of the kubelet's own API, users and groups, signers,
//! DRA's verbs.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A resource or subresource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// `pods`, or `pods/exec`.
    pub name: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Its kind, its singular name and its short names, in lower case.
    aliases: &'static str,
}

static TABLE: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let lines = include_str!("resources.txt").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let mut words = line.split('\t');
        Some(Served {
            group: words.next()?,
            name: words.next()?,
            namespaced: words.next()? == "n",
            aliases: words.next().unwrap_or(""),
        })
    };
    lines.filter_map(read).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, Vec<Served>>> = LazyLock::new(|| {
    let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
    for one in TABLE.iter() {
        by_name.entry(one.name).or_default().push(*one);
    }
    by_name
});

/// All of that name, by group.
pub fn named(name: &str) -> &'static [Served] {
    BY_NAME.get(name).map_or(&[], Vec::as_slice)
}

/// One by its group and name.
pub fn get(group: &str, name: &str) -> Option<Served> {
    named(name).iter().find(|one| one.group == group).copied()
}

/// One as people write it: plural, singular, kind or short name, of the core group before others.
pub fn find(word: &str, group: Option<&str>) -> Option<Served> {
    let lower = word.to_ascii_lowercase();
    let fits =
        |one: &&Served| group.is_none_or(|group| group == one.group) && !one.name.contains('/');
    let exact = named(&lower).iter().find(fits);
    exact
        .or_else(|| {
            TABLE.iter().filter(fits).find(|one| one.aliases.split(',').any(|alias| alias == lower))
        })
        .copied()
}

/// Whether a resource has that subresource, as far as is known.
pub fn has_subresource(group: &str, resource: &str, sub: &str) -> bool {
    get(group, &format!("{resource}/{sub}")).is_some()
}
