//! Standards as data: which controls there are, and which the checks serve.
//!
//! The map from control to checks lives only in `frameworks/*.toml`, in our own words; a check
//! knows nothing of standards. Checks are sorted by topic once (`frameworks/topics.toml`), and a
//! control names topics, checks, or both. Users' own frameworks are files of the same form
//! ([`Framework::read`]).
//!
//! [`assess`] says of each control what a judgement shows.
//!
//! Not here: how that is shown (`report`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use pavisade_model::Rule;

mod assess;
mod name;
mod read;

pub use assess::{AssessedControl, Assessment, ControlState, Evidence, assess, is_needed};
pub use name::{NoFramework, find, names_file};
pub use read::FrameworkError;

/// A standard, or a part of one.
#[derive(Debug, Clone)]
pub struct Framework {
    /// Identifier with a version: `cis-1.12`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Where its text is to be had.
    pub url: String,
    /// Other names by which it may be asked for.
    pub aliases: Vec<String>,
    /// What of the standard is listed; empty where all of its controls are.
    pub extent: String,
    /// Its controls, in its own order: also those that no check serves.
    pub controls: Vec<Control>,
    /// Checks that no control asks for, and why.
    pub serves_not: Vec<ServesNot>,
}

/// One control of a framework.
#[derive(Debug, Clone)]
pub struct Control {
    /// The standard's own number: `5.2.2`.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// A level within the framework: `baseline`.
    pub level: Option<String>,
    /// Ids of the checks that speak for it, in order; none where it is not assessed by checks.
    pub checks: Vec<String>,
    /// Those of them that it names itself, not by a topic.
    pub named: BTreeSet<String>,
    /// Of some of its checks, the parts that alone count: those of its rule ([`Rule::parts`]), or
    /// programs of whose settings it judges those of several.
    pub parts: BTreeMap<String, BTreeSet<String>>,
    /// Those of its checks that ask for more than it does: what they report may hold.
    pub stricter: BTreeSet<String>,
    /// How it is assessed.
    pub assessed: Assessed,
}

/// How a control is assessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessed {
    /// By its checks.
    ByChecks,
    /// By its checks in part; this is what they cannot show.
    Partly(String),
    /// By another command or a feature to come: this one.
    Elsewhere(String),
    /// By people alone: what it is about.
    ByHand(String),
}

/// Checks that a framework has no control for.
#[derive(Debug, Clone)]
pub struct ServesNot {
    /// Ids of the checks.
    pub checks: Vec<String>,
    /// Why.
    pub reason: String,
}

/// Checks of one subject.
#[derive(Debug, Clone)]
pub struct Topic {
    /// What they have in common.
    pub title: String,
    /// Their ids.
    pub checks: Vec<String>,
    /// Those of them that count for every control of the topic, although a scan leaves them out
    /// unless it is asked for them.
    pub always: Vec<String>,
}

/// How much of a framework is assessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Controls that are listed.
    pub controls: usize,
    /// Those that checks assess.
    pub by_checks: usize,
    /// Those that checks assess in part.
    pub partly: usize,
    /// Those that another command assesses.
    pub elsewhere: usize,
    /// Those that people alone can assess.
    pub by_hand: usize,
}

impl Framework {
    /// Reads a framework's file. `known` are the rules of the checks that there are; where it is
    /// empty, any id is taken for one, and any word for a part of one.
    ///
    /// # Errors
    /// It is no TOML of this form, or names what there is not: with line and column.
    pub fn read(text: &str, known: &[&Rule]) -> Result<Self, FrameworkError> {
        read::framework(text, topics(), known)
    }

    /// Ids of all checks that serve it.
    pub fn checks(&self) -> BTreeSet<&str> {
        self.controls.iter().flat_map(|control| control.checks.iter().map(String::as_str)).collect()
    }

    /// How much of it is assessed.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage { controls: self.controls.len(), ..Coverage::default() };
        for control in &self.controls {
            match control.assessed {
                Assessed::ByChecks => coverage.by_checks += 1,
                Assessed::Partly(_) => coverage.partly += 1,
                Assessed::Elsewhere(_) => coverage.elsewhere += 1,
                Assessed::ByHand(_) => coverage.by_hand += 1,
            }
        }
        coverage
    }
}

/// The files of the frameworks that come with the program.
pub const FILES: [&str; 12] = [
    include_str!("../../../frameworks/pod-security-standards.toml"),
    include_str!("../../../frameworks/cis-1.12.toml"),
    include_str!("../../../frameworks/nsa-cisa.toml"),
    include_str!("../../../frameworks/owasp-kubernetes-2025.toml"),
    include_str!("../../../frameworks/mitre-attack-containers.toml"),
    include_str!("../../../frameworks/nist-800-190.toml"),
    include_str!("../../../frameworks/nist-800-53r5.toml"),
    include_str!("../../../frameworks/pci-dss-4.0.1.toml"),
    include_str!("../../../frameworks/hipaa.toml"),
    include_str!("../../../frameworks/gdpr.toml"),
    include_str!("../../../frameworks/soc2.toml"),
    include_str!("../../../frameworks/iso-27001-2022.toml"),
];

const TOPICS: &str = include_str!("../../../frameworks/topics.toml");

/// The frameworks that come with the program.
pub fn builtin() -> &'static [Framework] {
    static FRAMEWORKS: LazyLock<Vec<Framework>> =
        LazyLock::new(|| FILES.iter().filter_map(|text| Framework::read(text, &[]).ok()).collect());
    &FRAMEWORKS
}

/// The topics, by name.
pub fn topics() -> &'static BTreeMap<String, Topic> {
    static FOUND: LazyLock<BTreeMap<String, Topic>> =
        LazyLock::new(|| read::topics(TOPICS).unwrap_or_default());
    &FOUND
}

/// For each check the controls that it serves, as `cis-1.12/5.2.2`.
pub fn controls_by_check(frameworks: &[Framework]) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for framework in frameworks {
        for control in &framework.controls {
            for check in &control.checks {
                let id = format!("{}/{}", framework.id, control.id);
                map.entry(check.clone()).or_default().push(id);
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read() {
        read::topics(TOPICS).unwrap();
        for text in FILES {
            if let Err(error) = Framework::read(text, &[]) {
                let head: String = text.lines().take(12).collect::<Vec<_>>().join("\n");
                panic!("{error}\n{head}");
            }
        }
        assert_eq!(builtin().len(), FILES.len());
    }
}
