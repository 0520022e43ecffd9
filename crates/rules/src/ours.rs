//! Pavisade's own rules.

use crate::load::RuleFile;

/// The files, by the names that messages show.
pub const OURS: &[RuleFile<'static>] = &[
    RuleFile { name: "pavisade/k8s_audit.yaml", text: include_str!("ours/k8s_audit.yaml") },
    RuleFile { name: "pavisade/syscall.yaml", text: include_str!("ours/syscall.yaml") },
];

#[cfg(test)]
mod tests;
