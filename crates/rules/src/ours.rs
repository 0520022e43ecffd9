//! Pavisade's own rules.

use crate::load::RuleFile;

/// The rule files, with the names shown in messages.
pub const OURS: &[RuleFile<'static>] =
    &[RuleFile { name: "pavisade/k8s_audit.yaml", text: include_str!("ours/k8s_audit.yaml") }];

#[cfg(test)]
mod tests;
