//! Pavisade's own rules, and what the catalog of checks says of them.

use crate::load::{Rule, RuleFile};

/// The files, by the names that messages show.
pub const OURS: &[RuleFile<'static>] = &[
    RuleFile { name: "pavisade/k8s_audit.yaml", text: include_str!("ours/k8s_audit.yaml") },
    RuleFile { name: "pavisade/syscall.yaml", text: include_str!("ours/syscall.yaml") },
];

/// What divides a description into why an alert matters and what to do.
const RESPONSE: &str = " Response: ";

/// The entry of a rule in the catalog of checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card<'r> {
    /// The ID, one of the tags: `PV-R001`.
    pub id: &'r str,
    /// The techniques of MITRE ATT&CK: `T1609`.
    pub techniques: Vec<&'r str>,
    /// Why an alert matters.
    pub why: &'r str,
    /// What to do after an alert.
    pub response: &'r str,
}

impl Rule {
    /// Returns the ID, which rules of Pavisade have as a tag.
    pub fn id(&self) -> Option<&str> {
        self.tags.iter().map(String::as_str).find(|tag| tag.starts_with("PV-R"))
    }

    /// Returns the entry in the catalog, which rules of Pavisade have.
    pub fn card(&self) -> Option<Card<'_>> {
        let is_technique = |tag: &&str| {
            tag.strip_prefix('T').is_some_and(|rest| rest.starts_with(char::is_numeric))
        };
        let (why, response) = self.description.trim().split_once(RESPONSE)?;
        let techniques = self.tags.iter().map(String::as_str).filter(is_technique).collect();
        Some(Card { id: self.id()?, techniques, why, response })
    }
}

#[cfg(test)]
mod tests;
