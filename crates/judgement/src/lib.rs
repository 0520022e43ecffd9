//! The results of a scan as plain data: findings and counts, exceptions, the comparison with an
//! earlier result, and the results for namespaces. Created by the engines and rendered by `report`.
//!
//! Out of scope: evaluation (`scan`, `checks`) and rendering (`report`).

mod access;
mod baseline;
mod comparison;
mod exception;
mod fix;
mod grant;
mod pod_security;
mod priority;
mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use access::{
    AccessBasis, AccessDiff, AccessExplained, AccessFault, AccessHolder, AccessLint, AccessRoute,
    CanDo, FileLine, Item, NearMiss, Permission, RuleText, SubjectDiff, Verdict, WhoCan,
};
pub use baseline::{Baseline, Compared, Known};
pub use comparison::{Comparison, ObjectChange, What};
pub use exception::{
    ANNOTATION, Date, Exception, Form, InObject, Scope, Selector, Subjects, lines,
};
pub use fix::{Fixed, fix};
pub use grant::{AccessGrant, Outlives};
use pavisade_model::{Finding, KubernetesVersion, Note, Program, Rule, State};
use pavisade_snapshot::{ClusterFacts, Distribution, World};
pub use pod_security::{Doubt, Labels, Level, NamespaceSecurity, PodSecurity, Reason, Standing};
pub use priority::{LIKELY, PROBABLE, Part, Priority, Ranked};
pub use ways::{Mfa, WayIn, WaysIn};

/// The number of subjects by verdict of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Subjects that pass.
    pub holds: usize,
    /// Subjects that fail.
    pub fails: usize,
    /// Subjects for which the result could not be determined.
    pub unknown: usize,
    /// Subjects to which the check does not apply.
    pub not_applicable: usize,
}

impl Tally {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.holds += other.holds;
        self.fails += other.fails;
        self.unknown += other.unknown;
        self.not_applicable += other.not_applicable;
    }
}

/// The verdicts of a rule's check, counted.
#[derive(Debug, Clone)]
pub struct RuleTally {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The programs whose settings the check evaluates.
    pub programs: &'static [Program],
    /// The counts of all verdicts.
    pub tally: Tally,
    /// The counts by program, if the check evaluates the settings of several. `None` is for
    /// verdicts that are not about a specific program.
    pub by_program: BTreeMap<Option<Program>, Tally>,
}

/// The complete result of a scan.
#[derive(Debug)]
pub struct Judgement {
    /// Failed and unknown findings without exceptions: highest severity first, then by check,
    /// subject and location.
    pub findings: Vec<Finding>,
    /// A note if findings were dropped because there were too many. It is also in `notes`.
    pub cut: Option<Note>,
    /// Findings with exceptions, in the same order.
    pub excepted: Vec<Excepted>,
    /// Vulnerabilities that do not apply according to a VEX statement, which is in each finding, in
    /// the same order.
    pub dismissed: Vec<Finding>,
    /// The comparison with an earlier result, if one was given.
    pub baseline: Option<Compared>,
    /// The rule of each check that ran, with its counts, in the order of the catalog. Exceptions do
    /// not affect the counts.
    pub tallies: Vec<RuleTally>,
    /// Rules of checks whose facts were not requested, such as images. They have no results, and
    /// controls do not require them.
    pub unasked: Vec<Arc<Rule>>,
    /// Notes from reading.
    pub notes: Vec<Note>,
    /// The number of worlds that were judged.
    pub worlds: usize,
    /// The number of objects that were judged.
    pub objects: usize,
    /// The number of images whose content was judged.
    pub images: usize,
    /// The number of source trees whose packages were judged.
    pub source_trees: usize,
    /// The version whose semantics apply.
    pub kubernetes: KubernetesVersion,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster>,
}

/// A finding with an exception.
#[derive(Debug)]
pub struct Excepted {
    /// The finding.
    pub finding: Finding,
    /// The exception.
    pub exception: Arc<Exception>,
    /// Whether it is in the given earlier result.
    pub known: bool,
}

/// A cluster that was judged.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name shown to users.
    pub name: Arc<str>,
    /// The version reported by its API server.
    pub version: Option<String>,
    /// Its distribution, and the evidence for it.
    pub distribution: Arc<Distribution>,
    /// The time at which it was read.
    pub read_at: Option<String>,
}

impl Cluster {
    /// Returns the cluster of a world. `None` if it has no facts.
    pub fn of(world: &World) -> Option<Self> {
        let facts = ClusterFacts::of(world)?;
        Some(Self {
            name: world.name().clone(),
            version: facts.version().map(str::to_owned),
            distribution: world.distribution(),
            read_at: facts.read_at().map(str::to_owned),
        })
    }
}

impl Judgement {
    /// Returns the findings with a state.
    pub fn of_state(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.state == state)
    }
}
