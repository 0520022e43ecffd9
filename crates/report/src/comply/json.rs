//! The JSON document, `pavisade.dev/comply/v1`.
//!
//! Controls name their checks; what the checks found stands once, in `checks` and `findings`.
//! Fields may be added; none is removed or changes its meaning within a version.

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

/// What `schema` says.
pub const SCHEMA: &str = "pavisade.dev/comply/v1";

/// The JSON schema of [`Document`].
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// What a scan says about frameworks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of `pavisade comply`")]
pub struct Document<'a> {
    /// `pavisade.dev/comply/v1`.
    pub schema: &'static str,
    /// What made it.
    pub tool: Tool,
    /// The Kubernetes version whose semantics counted: `1.37`.
    pub kubernetes: String,
    /// Worlds that were judged.
    pub worlds: usize,
    /// Objects that were judged.
    pub objects: usize,
    /// The frameworks, in the order in which they were asked for.
    pub frameworks: Vec<Framework<'a>>,
    /// The checks that ran, by id, with how often they gave each verdict.
    pub checks: Vec<Check>,
    /// What fails or is unknown: failures before unknowns, worst first.
    pub findings: Vec<Finding<'a>>,
    /// What was noticed while reading.
    pub notes: Vec<Note<'a>>,
    /// The clusters among the worlds.
    pub clusters: Vec<Cluster<'a>>,
}

/// A framework.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Framework<'a> {
    /// `pci-dss-4.0.1`.
    pub id: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// Where its text is to be had; may be empty.
    pub url: &'a str,
    /// What of the standard is listed; empty where all of its controls are.
    pub extent: &'a str,
    /// How much of it is assessed.
    pub coverage: Coverage,
    /// Controls by state.
    pub summary: Summary,
    /// Its controls, in its own order.
    pub controls: Vec<Control<'a>>,
}

/// How much of a framework is assessed, whatever was scanned.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Coverage {
    /// Controls that are listed.
    pub controls: usize,
    /// Those that checks assess.
    pub by_checks: usize,
    /// Those that checks assess in part.
    pub partly: usize,
    /// Those that another command or a feature to come assesses.
    pub elsewhere: usize,
    /// Those that people alone can assess.
    pub by_hand: usize,
    /// Those with a result in this scan: they hold, hold in part, or fail.
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
    /// The standard's own number.
    pub id: &'a str,
    /// What it asks for, in our words.
    pub title: &'a str,
    /// A level within the framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'a str>,
    /// What is said of it.
    pub state: ControlState,
    /// Why there is no result; absent where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What its checks cannot show of it; absent where they show all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Cow<'a, str>>,
    /// What its checks found: those that fail first.
    pub evidence: Vec<Evidence<'a>>,
    /// Ids of its checks that did not run though they should have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<&'a str>,
}

/// What one check found; its findings are those of the document with the same check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Evidence<'a> {
    /// `PV-C001`.
    pub check: &'a str,
    /// `privileged-container`.
    pub name: &'a str,
    /// The parts of the check that alone count; absent where all of it does. Findings of other
    /// parts have the same check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// The check asks for more than the control: what it reports may be well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stricter: bool,
    /// Subjects by verdict.
    pub tallies: Tallies,
}

/// What is said of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlState {
    /// One of its checks fails.
    Fails,
    /// What fails is let through by exceptions, all of it.
    Excepted,
    /// None fails, and something could not be determined.
    Unknown,
    /// All that its checks saw holds; they cannot show all of it, or some of them saw nothing.
    HoldsInPart,
    /// It holds.
    Holds,
    /// There were subjects, and the question does not arise for any of them.
    NotApplicable,
    /// Nothing was read that its checks look at.
    Unseen,
    /// Another command or a feature to come assesses it.
    Elsewhere,
    /// People alone can assess it.
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
