//! Determines what needs the entries of a `yarn.lock`.

use std::collections::HashMap;

use pavisade_yaml::{Doc, Value};

use crate::lock::graph::Graph;
use crate::lock::{Others, document, tree};
use crate::{Need, Package};

/// A name and a range.
pub(super) type Pattern<'t> = (&'t str, &'t str);

/// An entry.
#[derive(Default)]
pub(super) struct Locked<'t> {
    pub(super) package: Package,
    /// The patterns that resolve to it.
    pub(super) patterns: Vec<Pattern<'t>>,
    pub(super) needs: Vec<Pattern<'t>>,
    /// The optional dependencies.
    pub(super) wants: Vec<Pattern<'t>>,
    /// Whether this is the project itself.
    pub(super) is_root: bool,
    /// Whether this is a workspace member.
    pub(super) is_member: bool,
}

/// Returns the need of each entry.
pub(super) fn needs(all: &[Locked<'_>], path: &str, others: &Others<'_>) -> Vec<Need> {
    let unknown = || vec![Need::Production; all.len()];
    let Some(manifest) = manifest(path, others) else { return unknown() };
    let has_members = all.iter().any(|locked| locked.is_member);
    if manifest.root().get("workspaces").is_some() && !has_members {
        return unknown();
    }
    let patterns = all
        .iter()
        .zip(0..)
        .flat_map(|(locked, at)| locked.patterns.iter().map(move |pattern| (*pattern, at)));
    let places: HashMap<Pattern<'_>, usize> = patterns.collect();
    let place = |(name, range): Pattern<'_>| -> Option<usize> {
        // Versions 2 and 3 omit the protocol.
        let written = places.get(&(name, range)).copied();
        written.or_else(|| places.get(&(name, &*format!("npm:{range}"))).copied())
    };
    let placed = |all: &[Pattern<'_>]| -> Vec<usize> {
        all.iter().filter_map(|pattern| place(*pattern)).collect()
    };
    let mut graph = Graph::default();
    for locked in all {
        // The manifest lists the project's own dependencies, with development separate.
        let needs = if locked.is_root { Vec::new() } else { placed(&locked.needs) };
        graph.edges.push(needs);
        graph.optional.push(if locked.is_root { Vec::new() } else { placed(&locked.wants) });
    }
    // A patched package is reached through the package that it patches.
    for (locked, at) in all.iter().zip(0..) {
        for pattern in &locked.patterns {
            if let Some(base) = base(*pattern).and_then(|(name, range)| place((name, &range))) {
                graph.edges[base].push(at);
            }
        }
    }
    let members = all.iter().zip(0..).filter(|(locked, _)| locked.is_member && !locked.is_root);
    graph.roots.extend(members.map(|(_, at)| (Need::Production, at)));
    for (field, need) in [
        ("dependencies", Need::Production),
        ("optionalDependencies", Need::Optional),
        ("devDependencies", Need::Development),
    ] {
        let named = manifest.root().get(field).into_iter().flat_map(Value::entries);
        let placed =
            named.filter_map(|(name, range)| place((name, document::written(Some(range)))));
        graph.roots.extend(placed.map(|at| (need, at)));
    }
    graph.needs()
}

/// Returns the `package.json` next to a lock file.
fn manifest(path: &str, others: &Others<'_>) -> Option<Doc> {
    let bytes = others(&tree::join(tree::folder(path), "package.json")?)?;
    document::json(&String::from_utf8_lossy(&bytes), &mut Vec::new())
}

/// Returns the name and range inside `name@patch:name@npm%3A^1.0.0#…`.
fn base<'t>((name, range): Pattern<'t>) -> Option<(&'t str, String)> {
    let inner = range.strip_prefix("patch:")?.split('#').next()?;
    let inner = inner.strip_prefix(name)?.strip_prefix('@')?;
    Some((name, inner.replace("%3A", ":")))
}
