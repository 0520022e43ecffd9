//! The report on a run of probes, for people: one HTML page that needs no network.

mod page;

use std::collections::BTreeMap;

use pavisade_model::Severity;

pub use page::probe_report;

/// Whether the defences noticed a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noticed {
    /// It succeeded, and no log has it.
    Missed,
    /// It succeeded, and a log has it.
    Detected,
    /// It did not succeed.
    Prevented,
    /// No log could have it, or its result is unknown.
    NotMeasurable,
}

impl Noticed {
    /// All values, those that need attention first.
    pub const ALL: [Self; 4] = [Self::Missed, Self::Detected, Self::Prevented, Self::NotMeasurable];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Detected => "detected",
            Self::Prevented => "prevented",
            Self::NotMeasurable => "not measurable",
        }
    }
}

/// The result of a probe, and whether it was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The id of the probe.
    pub probe: String,
    /// The name of the probe.
    pub name: String,
    /// What it was tried on.
    pub subject: String,
    /// Techniques of MITRE ATT&CK.
    pub techniques: Vec<String>,
    /// `open`, `closed`, `unknown` or `not applicable`.
    pub verdict: &'static str,
    /// Whether it was noticed.
    pub noticed: Noticed,
    /// The request that an audit log should have. Empty if none can.
    pub expected: String,
    /// The number of audit events about it.
    pub events: usize,
    /// The rules that alert on these events.
    pub alerts: Vec<String>,
    /// Whether an alert of a runtime sensor names the run and the probe.
    pub runtime: bool,
}

/// The result of a probe on one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// The id of the probe.
    pub probe: String,
    /// The name of the probe.
    pub name: String,
    /// What is wrong if it is open.
    pub title: String,
    /// How serious that is.
    pub severity: Severity,
    /// How to fix it (Markdown).
    pub fix: String,
    /// Techniques of MITRE ATT&CK.
    pub techniques: Vec<String>,
    /// The risk of the OWASP Kubernetes Top Ten.
    pub owasp: String,
    /// What it was tried on.
    pub subject: String,
    /// `open`, `closed`, `unknown` or `not applicable`.
    pub verdict: &'static str,
    /// What is open, in one sentence. Empty otherwise.
    pub message: String,
    /// What proves it, or why nothing is proven.
    pub reason: String,
}

/// A run of probes.
#[derive(Debug, Clone, Default)]
pub struct ProbeRun {
    /// Its id.
    pub id: String,
    /// The time of its start.
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// What was in scope: a term, and its values.
    pub scope: Vec<(&'static str, Vec<String>)>,
    /// Who agreed to active probes and until when. Empty if nothing ran that needs consent.
    pub consent: String,
    /// Time, kind, destination and content of what was sent.
    pub timeline: Vec<[String; 4]>,
    /// The number of requests, which may be more than the timeline shows.
    pub requests: usize,
    /// The number of connections to the host that received most.
    pub most: usize,
    /// Each result.
    pub results: Vec<ProbeResult>,
    /// The matrix. Empty if no logs were compared.
    pub detections: Vec<Detection>,
    /// The names of techniques, by id.
    pub techniques: BTreeMap<String, String>,
    /// What was not read or did not respond.
    pub notes: Vec<String>,
    /// Objects that could not be removed.
    pub left: Vec<String>,
}
