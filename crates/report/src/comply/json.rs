//! The JSON document, `pavisade.dev/comply/v1`.
//!
//! Controls refer to their checks, whose results are listed once, in `checks` and `findings`.
//! Within a version, fields may be added, but none is removed or changes its meaning.

use std::borrow::Cow;

use pavisade_compliance as compliance;
use pavisade_judgement::Judgement;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{gap, reason};
use crate::Options;
use crate::json::{Check, Cluster, Finding, Note, Tallies, Tool};
use crate::region::Regions;

/// The value of `schema`.
pub const SCHEMA: &str = "pavisade.dev/comply/v1";

/// The JSON schema of [`Document`].
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// The assessment of frameworks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of `pavisade comply`")]
pub struct Document<'a> {
    /// `pavisade.dev/comply/v1`.
    pub schema: &'static str,
    /// The program that created it.
    pub tool: Tool,
    /// The Kubernetes version that was assumed: `1.37`.
    pub kubernetes: String,
    /// Worlds that were checked.
    pub worlds: usize,
    /// Objects that were checked.
    pub objects: usize,
    /// The frameworks, in the requested order.
    pub frameworks: Vec<Framework<'a>>,
    /// The checks that ran, by ID, with the number of their verdicts.
    pub checks: Vec<Check>,
    /// What fails or is unknown: failures before unknowns, worst first.
    pub findings: Vec<Finding<'a>>,
    /// Notes about the input.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// A framework.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Framework<'a> {
    /// `pci-dss-4.0.1`.
    pub id: &'a str,
    /// Its display name.
    pub title: &'a str,
    /// The URL of its text; may be empty.
    pub url: &'a str,
    /// Which part of the standard is listed; empty if all controls are.
    pub extent: &'a str,
    /// How much of it is assessed.
    pub coverage: Coverage,
    /// Controls by state.
    pub summary: Summary,
    /// Its controls, in their order in the standard.
    pub controls: Vec<Control<'a>>,
}

/// How much of a framework can be assessed, independent of the input.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Coverage {
    /// Controls that are listed.
    pub controls: usize,
    /// Controls that checks assess.
    pub by_checks: usize,
    /// Controls that checks assess partially.
    pub partly: usize,
    /// Controls that another command or a future feature assesses.
    pub elsewhere: usize,
    /// Controls that cannot be assessed automatically.
    pub by_hand: usize,
    /// Controls with a result in this scan: they hold, hold in part, or fail.
    pub with_result: usize,
}

/// Controls by state.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the states say it")]
pub struct Summary {
    pub fails: usize,
    pub excepted: usize,
    pub unknown: usize,
    pub holds_in_part: usize,
    pub holds: usize,
    pub not_applicable: usize,
    pub unseen: usize,
    pub elsewhere: usize,
    pub by_hand: usize,
}

/// A control.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Control<'a> {
    /// Its number in the standard.
    pub id: &'a str,
    /// The requirement, in our words.
    pub title: &'a str,
    /// A level within the framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'a str>,
    /// Its state.
    pub state: ControlState,
    /// Why there is no result; absent if there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What its checks cannot show; absent if they show everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Cow<'a, str>>,
    /// The results of its checks, failures first.
    pub evidence: Vec<Evidence<'a>>,
    /// IDs of its checks that did not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<&'a str>,
}

/// The result of a check; its findings are those in the document with the same check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Evidence<'a> {
    /// `PV-C001`.
    pub check: &'a str,
    /// `privileged-container`.
    pub name: &'a str,
    /// The parts of the check that are used; absent if all are used. Findings of other parts have
    /// the same check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// The check requires more than the control: what it reports may be acceptable.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stricter: bool,
    /// Subjects by verdict.
    pub tallies: Tallies,
}

/// The state of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlState {
    /// One of its checks fails.
    Fails,
    /// All failures are covered by exceptions.
    Excepted,
    /// None fails, but something could not be determined.
    Unknown,
    /// Its checks hold, but they cannot show everything, or some had no matching objects.
    HoldsInPart,
    /// It holds.
    Holds,
    /// There were matching objects, but none of its checks applies to them.
    NotApplicable,
    /// No matching objects were read.
    Unseen,
    /// Another command or a future feature assesses it.
    Elsewhere,
    /// It cannot be assessed automatically.
    ByHand,
}

impl From<compliance::ControlState> for ControlState {
    fn from(state: compliance::ControlState) -> Self {
        match state {
            compliance::ControlState::Fails => Self::Fails,
            compliance::ControlState::Excepted => Self::Excepted,
            compliance::ControlState::Unknown => Self::Unknown,
            compliance::ControlState::HoldsInPart => Self::HoldsInPart,
            compliance::ControlState::Holds => Self::Holds,
            compliance::ControlState::NotApplicable => Self::NotApplicable,
            compliance::ControlState::Unseen => Self::Unseen,
            compliance::ControlState::Elsewhere => Self::Elsewhere,
            compliance::ControlState::ByHand => Self::ByHand,
        }
    }
}

impl<'a> Document<'a> {
    /// The document of assessments of one judgement.
    pub fn new(
        judgement: &'a Judgement,
        assessments: &'a [compliance::Assessment<'a>],
        options: &'a Options,
    ) -> Self {
        let regions = Regions::new(&judgement.findings);
        let finding = |f| Finding::new(f, &regions, options);
        let check = |counted| Check::new(counted, options);
        Self {
            schema: SCHEMA,
            tool: Tool { name: "pavisade", version: env!("CARGO_PKG_VERSION") },
            kubernetes: judgement.kubernetes.to_string(),
            worlds: judgement.worlds,
            objects: judgement.objects,
            frameworks: assessments.iter().map(Framework::from).collect(),
            checks: judgement.tallies.iter().map(check).collect(),
            findings: judgement.findings.iter().map(finding).collect(),
            notes: judgement.notes.iter().map(Note::from).collect(),
            clusters: judgement.clusters.iter().map(Cluster::from).collect(),
        }
    }
}

impl<'a> From<&'a compliance::Assessment<'a>> for Framework<'a> {
    fn from(assessment: &'a compliance::Assessment<'a>) -> Self {
        let compliance::Framework { id, title, url, extent, .. } = assessment.framework;
        let coverage = assessment.framework.coverage();
        let count = |state| assessment.count(state);
        Self {
            id,
            title,
            url,
            extent,
            coverage: Coverage {
                controls: coverage.controls,
                by_checks: coverage.by_checks,
                partly: coverage.partly,
                elsewhere: coverage.elsewhere,
                by_hand: coverage.by_hand,
                with_result: assessment.controls.iter().filter(|c| c.state.is_result()).count(),
            },
            summary: Summary {
                fails: count(compliance::ControlState::Fails),
                excepted: count(compliance::ControlState::Excepted),
                unknown: count(compliance::ControlState::Unknown),
                holds_in_part: count(compliance::ControlState::HoldsInPart),
                holds: count(compliance::ControlState::Holds),
                not_applicable: count(compliance::ControlState::NotApplicable),
                unseen: count(compliance::ControlState::Unseen),
                elsewhere: count(compliance::ControlState::Elsewhere),
                by_hand: count(compliance::ControlState::ByHand),
            },
            controls: assessment
                .controls
                .iter()
                .map(|control| Control::new(control, assessment.unread))
                .collect(),
        }
    }
}

impl<'a> Control<'a> {
    fn new(assessed: &'a compliance::AssessedControl<'a>, unread: usize) -> Self {
        let compliance::Control { id, title, level, .. } = assessed.control;
        let evidence = |e: &'a compliance::Evidence<'a>| Evidence {
            check: &e.rule.id,
            name: &e.rule.name,
            parts: e.parts.iter().map(|part| (*part).to_owned()).collect(),
            stricter: e.stricter,
            tallies: e.tally.into(),
        };
        Self {
            id,
            title,
            level: level.as_deref(),
            state: assessed.state.into(),
            reason: reason(assessed, unread),
            gap: gap(assessed),
            evidence: assessed.evidence.iter().map(evidence).collect(),
            left_out: assessed.left_out.iter().map(|rule| &*rule.id).collect(),
        }
    }
}
