//! What a scan says: findings and counts, what is let through, how it differs from an earlier
//! result, and what is said of namespaces. Plain data, made by the engines above and shown by
//! `report`.
//!
//! Not here: how anything is judged (`scan`, `checks`), how it is shown (`report`).

mod access;
mod baseline;
mod comparison;
mod exception;
mod fix;
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
use pavisade_model::{Finding, KubernetesVersion, Note, Program, Rule, State};
use pavisade_snapshot::{ClusterFacts, Distribution, World};
pub use pod_security::{Doubt, Labels, Level, NamespaceSecurity, PodSecurity, Reason, Standing};
pub use priority::{LIKELY, PROBABLE, Part, Priority, Ranked};
pub use ways::{Mfa, WayIn, WaysIn};

/// How often a check gave each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Subjects that are proven to be well.
    pub holds: usize,
    /// Subjects that are not.
    pub fails: usize,
    /// Subjects for which it could not be determined.
    pub unknown: usize,
    /// Subjects for which the question does not arise.
    pub not_applicable: usize,
}

impl Tally {
    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.holds += other.holds;
        self.fails += other.fails;
        self.unknown += other.unknown;
        self.not_applicable += other.not_applicable;
    }
}

/// How often the check of a rule gave each verdict.
#[derive(Debug, Clone)]
pub struct RuleTally {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Programs whose settings the check judges.
    pub programs: &'static [Program],
    /// Its verdicts.
    pub tally: Tally,
    /// The same for each program, where it judges the settings of several, and what is said of no
    /// program in particular.
    pub by_program: BTreeMap<Option<Program>, Tally>,
}

/// Everything that a scan says.
#[derive(Debug)]
pub struct Judgement {
    /// What fails or is unknown and counts: worst first, then by check, subject and place.
    pub findings: Vec<Finding>,
    /// Why findings are missing, where there were too many; it is one of the notes.
    pub cut: Option<Note>,
    /// What an exception lets through, in the same order.
    pub excepted: Vec<Excepted>,
    /// Vulnerabilities that are none here, as the VEX statement in each of them says; in the same
    /// order.
    pub dismissed: Vec<Finding>,
    /// What was found before, and what is gone, where an earlier result was given.
    pub baseline: Option<Compared>,
    /// The rule of each check that ran with its verdicts counted, in the catalog's order, whatever is
    /// excepted.
    pub tallies: Vec<RuleTally>,
    /// Rules of checks whose facts nobody asked for, such as images: they say nothing of anything, and
    /// no control waits for them.
    pub unasked: Vec<Arc<Rule>>,
    /// What was noticed while reading.
    pub notes: Vec<Note>,
    /// Worlds that were judged.
    pub worlds: usize,
    /// Objects that were judged.
    pub objects: usize,
    /// Images that were judged by what is in them.
    pub images: usize,
    /// Source trees whose packages were judged.
    pub source_trees: usize,
    /// The version whose semantics counted.
    pub kubernetes: KubernetesVersion,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster>,
}

/// A finding that an exception lets through.
#[derive(Debug)]
pub struct Excepted {
    /// The finding.
    pub finding: Finding,
    /// What lets it through.
    pub exception: Arc<Exception>,
    /// Whether an earlier result that was given has it.
    pub known: bool,
}

/// What is known of a cluster that was judged.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name that users know it by.
    pub name: Arc<str>,
    /// The version that its API server says it has.
    pub version: Option<String>,
    /// What it runs, and what tells.
    pub distribution: Arc<Distribution>,
    /// When it was read.
    pub read_at: Option<String>,
}

impl Cluster {
    /// What the facts of a world say; nothing where it has none.
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
    /// Findings of one state.
    pub fn of_state(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.state == state)
    }
}
