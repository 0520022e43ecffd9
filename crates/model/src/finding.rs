//! Findings: the results of checks.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;
use pavisade_yaml::{Amendment, Doc};

use crate::{Confidence, Gap, Location, Program, Related, Rule, Severity, Subject, Vulnerability};

/// Whether a check failed or could not be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The check fails.
    Fails,
    /// The result could not be determined. The message gives the reason.
    Unknown,
}

/// A result of a check that needs attention.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that produced it.
    pub rule: Arc<Rule>,
    /// Failed, or unknown.
    pub state: State,
    /// The severity of this finding.
    pub severity: Severity,
    /// The confidence of this finding.
    pub confidence: Confidence,
    /// The world it belongs to. `None` if it is not about an object of a world, for example an
    /// image scanned on its own.
    pub world: Option<Arc<str>>,
    /// What it is about.
    pub subject: Subject,
    /// The topmost owner of a subject that its controller recreates under a new name at each
    /// rollout. The fingerprint uses the owner in place of the subject.
    pub owner: Option<Box<Subject>>,
    /// Where it is.
    pub location: Location,
    /// Other locations that belong to it.
    pub related: Vec<Related>,
    /// The workloads that run the subject, shared by all findings about it.
    pub workloads: Option<Arc<[Workload]>>,
    /// The vulnerability it reports.
    pub vulnerability: Option<Box<Vulnerability>>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// How to fix it. Empty if the rule's advice applies as it is.
    pub advice: String,
    /// The path used by the fingerprint: list elements by merge key or content, never by index.
    pub stable_path: String,
    /// Distinguishes findings of one check at one location (a CVE and package). Mostly empty.
    pub instance: String,
    /// The edits that fix it. Set only on request and if the check supports it.
    pub fix: Option<Box<Fix>>,
    /// Machine-readable details. `None` for most findings.
    pub detail: Option<Box<Detail>>,
    /// The findings that this one groups. Empty for most.
    pub members: Vec<Self>,
}

/// Machine-readable details of a finding. Programs use these fields and never parse the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// The parts of its rule that it is about, out of [`Rule::parts`]. If empty, it counts for all
    /// parts.
    pub parts: Vec<Cow<'static, str>>,
    /// For checks of program settings, the programs that it is about. If empty, it may be any of
    /// them.
    pub programs: Vec<Program>,
    /// For an unknown result, the missing data.
    pub gaps: Vec<Gap>,
    /// What it is based on in addition to the value at its location: names of containers, Services,
    /// accounts, and values of other fields. The length is the count of those items.
    pub evidence: Vec<String>,
    /// The number of further pods of the same owner that are like its subject.
    pub more_pods: usize,
    /// The last day of the exception that suppressed it.
    pub excepted_until: Option<Date>,
}

impl Detail {
    /// The empty details.
    pub const NOTHING: Self = Self {
        parts: Vec::new(),
        programs: Vec::new(),
        gaps: Vec::new(),
        evidence: Vec::new(),
        more_pods: 0,
        excepted_until: None,
    };
    const NONE: &'static Self = &Self::NOTHING;

    /// Returns the details in a box, or `None` if they are empty.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != *Self::NONE).then(|| Box::new(self))
    }
}

/// Edits of one document that together fix a finding.
#[derive(Debug, Clone)]
pub struct Fix {
    /// The document.
    pub doc: Doc,
    /// The edits.
    pub amendments: Vec<Amendment>,
}

/// A workload that runs an image.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The world it is in.
    pub world: Arc<str>,
    /// The object and its container.
    pub subject: Subject,
    /// Where it refers to the image.
    pub location: Location,
    /// How it is reachable from outside the cluster, if known.
    pub exposed: Option<Arc<str>>,
    /// Why it has privileges on its node, if it has.
    pub privileged: Option<Arc<str>>,
}

impl Finding {
    /// Returns the machine-readable details.
    pub fn detail(&self) -> &Detail {
        self.detail.as_deref().unwrap_or(Detail::NONE)
    }

    /// Returns the machine-readable details for modification.
    pub fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_default()
    }

    /// Iterates over the individual findings: the grouped ones, or itself.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        let own = self.members.is_empty().then_some(self);
        own.into_iter().chain(&self.members)
    }

    /// Returns the name of the world it belongs to, or an empty string.
    pub fn world(&self) -> &str {
        self.world.as_deref().unwrap_or("")
    }
}
