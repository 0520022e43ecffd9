//! Compliance frameworks as data: their controls, and the checks that assess them.
//!
//! The mapping from controls to checks is only in `frameworks/*.toml`, in our own words. Checks are
//! not aware of frameworks. Checks are grouped by topic (`frameworks/topics.toml`), and a control
//! lists topics, checks, or both. Users can define frameworks in the same format
//! ([`Framework::read`]).
//!
//! [`assess`] determines the state of each control from a judgement.
//!
//! Out of scope: rendering (`report`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use pavisade_model::Rule;

mod assess;
mod name;
mod read;

pub use assess::{AssessedControl, Assessment, ControlState, Evidence, assess, is_needed};
pub use name::{NoFramework, find, names_file};
pub use read::FrameworkError;

/// A compliance framework, or a part of one.
#[derive(Debug, Clone)]
pub struct Framework {
    /// The identifier with a version: `cis-1.12`.
    pub id: String,
    /// The common name.
    pub title: String,
    /// The URL of its text.
    pub url: String,
    /// Alternative names for the command line.
    pub aliases: Vec<String>,
    /// The part of the standard that is covered. Empty if all controls are listed.
    pub extent: String,
    /// The controls in the order of the standard, including those without checks.
    pub controls: Vec<Control>,
    /// Checks that no control requires, with the reason.
    pub serves_not: Vec<ServesNot>,
}

/// A control of a framework.
#[derive(Debug, Clone)]
pub struct Control {
    /// The number in the standard: `5.2.2`.
    pub id: String,
    /// The requirement, in our own words.
    pub title: String,
    /// A level within the framework: `baseline`.
    pub level: Option<String>,
    /// The ids of the checks that assess it, in order. Empty if it is not assessed by checks.
    pub checks: Vec<String>,
    /// The checks that it lists by name, not by topic.
    pub named: BTreeSet<String>,
    /// For some of its checks, the parts that apply: parts of the rule ([`Rule::parts`]), or
    /// programs if the check evaluates the settings of several.
    pub parts: BTreeMap<String, BTreeSet<String>>,
    /// The checks that are stricter than the control. Their findings do not refute it.
    pub stricter: BTreeSet<String>,
    /// How it is assessed.
    pub assessed: Assessed,
    /// The penetration tests (`pavisade probe`) that are evidence for it, by id or the beginning of
    /// their ids.
    pub probes: Vec<String>,
    /// Whether it requires that nothing is open, not only that such tests are done.
    pub fixed: bool,
}

impl Control {
    /// Whether a penetration test is evidence for it.
    pub fn is_tested_by(&self, rule: &Rule) -> bool {
        self.probes.iter().any(|begin| rule.id.starts_with(begin.as_str()))
    }
}

/// How a control is assessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessed {
    /// By its checks.
    ByChecks,
    /// Partly by its checks. Contains what they do not cover.
    Partly(String),
    /// By another command or a future feature. Contains its description.
    Elsewhere(String),
    /// Manually. Contains the subject of the assessment.
    ByHand(String),
}

/// Checks that no control of a framework covers.
#[derive(Debug, Clone)]
pub struct ServesNot {
    /// The ids of the checks.
    pub checks: Vec<String>,
    /// The reason.
    pub reason: String,
}

/// A group of related checks.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The title.
    pub title: String,
    /// The ids of the checks.
    pub checks: Vec<String>,
    /// The checks that count for every control of the topic, although they are off by default.
    pub always: Vec<String>,
}

/// The number of controls of a framework by type of assessment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All listed controls.
    pub controls: usize,
    /// Controls assessed by checks.
    pub by_checks: usize,
    /// Controls partly assessed by checks.
    pub partly: usize,
    /// Controls assessed by another command.
    pub elsewhere: usize,
    /// Controls that require a manual assessment.
    pub by_hand: usize,
}

impl Framework {
    /// Reads the file of a framework. `known` are the rules of the existing checks. If it is empty,
    /// ids of checks and their parts are not validated.
    ///
    /// # Errors
    /// The text is not TOML of this format, or refers to something that does not exist. The error
    /// has line and column.
    pub fn read(text: &str, known: &[&Rule]) -> Result<Self, FrameworkError> {
        read::framework(text, topics(), known)
    }

    /// Returns the ids of all its checks.
    pub fn checks(&self) -> BTreeSet<&str> {
        self.controls.iter().flat_map(|control| control.checks.iter().map(String::as_str)).collect()
    }

    /// Whether a check, or a penetration test, is evidence for one of its controls.
    pub fn serves(&self, rule: &Rule) -> bool {
        self.controls.iter().any(|control| {
            control.checks.iter().any(|id| *id == rule.id) || control.is_tested_by(rule)
        })
    }

    /// Returns the number of controls by type of assessment.
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

/// The files of the built-in frameworks.
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

/// Returns the built-in frameworks.
pub fn builtin() -> &'static [Framework] {
    static FRAMEWORKS: LazyLock<Vec<Framework>> =
        LazyLock::new(|| FILES.iter().filter_map(|text| Framework::read(text, &[]).ok()).collect());
    &FRAMEWORKS
}

/// Returns the topics, by name.
pub fn topics() -> &'static BTreeMap<String, Topic> {
    static FOUND: LazyLock<BTreeMap<String, Topic>> =
        LazyLock::new(|| read::topics(TOPICS).unwrap_or_default());
    &FOUND
}

/// Returns the controls of each check, as `cis-1.12/5.2.2`.
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

/// Returns the controls for which a penetration test is evidence, as `pci-dss-4.0.1/11.4.2`.
pub fn controls_by_probe(frameworks: &[Framework], rule: &Rule) -> Vec<String> {
    let all = frameworks.iter().flat_map(|framework| {
        let own = framework.controls.iter().filter(|control| control.is_tested_by(rule));
        own.map(|control| format!("{}/{}", framework.id, control.id))
    });
    all.collect()
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
        let tested = |control: &str| {
            let (id, control) = control.split_once('/').unwrap();
            let framework = builtin().iter().find(|framework| framework.id == id).unwrap();
            let found = framework.controls.iter().find(|own| own.id == control).unwrap();
            found.probes.clone()
        };
        for control in [
            "pci-dss-4.0.1/11.4.2",
            "pci-dss-4.0.1/11.4.4",
            "hipaa/164.308(a)(8)",
            "gdpr/32(1)(d)",
            "nist-800-53r5/CA-8",
        ] {
            assert_eq!(tested(control), ["PV-P"], "{control}");
        }
        // A test of something else is not a test of segmentation.
        assert_eq!(tested("pci-dss-4.0.1/11.4.5"), ["PV-P170"]);
    }
}
