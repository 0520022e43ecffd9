//! Pavisade's own rules.

use crate::load::{Loaded, Options, RuleFile, load};

/// The files, by the names that messages show.
pub const OURS: &[RuleFile<'static>] =
    &[RuleFile { name: "pavisade/k8s_audit.yaml", text: include_str!("ours/k8s_audit.yaml") }];

/// Loads our rules, then these files, which may override them.
pub fn with_ours(files: &[RuleFile<'_>], options: &Options<'_>) -> Loaded {
    let all: Vec<_> = OURS.iter().chain(files).copied().collect();
    load(&all, options)
}

#[cfg(test)]
mod tests;
