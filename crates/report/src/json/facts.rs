//! What a finding says of images and vulnerabilities.

use pavisade_judgement::Ranked;
use pavisade_model as model;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Location, Subject};
use crate::priority;
use crate::region::Regions;

/// A place beside the one of a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Related<'a> {
    /// What it is to the finding.
    pub label: &'a str,
    /// Where.
    pub location: Location<'a>,
}

/// An object that runs an image.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Workload<'a> {
    /// The world that it is in.
    pub world: &'a str,
    /// The object and container.
    pub subject: Subject<'a>,
    /// What leads to it from outside of the cluster, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed: Option<&'a str>,
    /// Why it has power over its node, where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<&'a str>,
}

/// A vulnerability of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Vulnerability<'a> {
    /// The identifier that people know: a CVE where there is one.
    pub id: &'a str,
    /// How soon it matters: `now`, `soon`, `later`, or `unknown` where nothing is known to rank it by.
    pub priority: &'static str,
    /// What the priority is made of, in words.
    pub reasons: Vec<String>,
    /// Its other identifiers.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub aliases: &'a [String],
    /// What it is.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub title: &'a str,
    /// Scores, each with who gave it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score<'a>>,
    /// How likely it is exploited within 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// That it is known to be exploited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploited: Option<Exploited<'a>>,
    /// `fixed`, `not-fixed`, `wont-fix` or `unknown`.
    pub fix: &'static str,
    /// The version from which on it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<&'a str>,
    /// Where it is published.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub url: &'a str,
    /// What a VEX document says of it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Statement<'a>>,
}

/// A statement of a VEX document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Statement<'a> {
    /// `not_affected`, `fixed`, `under_investigation` or `affected`.
    pub status: &'static str,
    /// Why it is not affected, as OpenVEX writes it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub justification: &'a str,
    /// How it is not affected, or what to do about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub text: &'a str,
    /// Who says so.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub author: &'a str,
    /// The document, and which of its statements.
    pub place: &'a str,
}

/// A score of the Common Vulnerability Scoring System.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Score<'a> {
    /// Who gave it.
    pub source: &'a str,
    /// The vector.
    pub vector: &'a str,
    /// From 0.0 to 10.0.
    pub score: f32,
}

/// An estimate of the Exploit Prediction Scoring System.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Epss {
    /// The probability, from 0 to 1.
    pub probability: f32,
    /// The share of vulnerabilities that are less likely, from 0 to 1.
    pub percentile: f32,
}

/// An entry of the catalog of known exploited vulnerabilities.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exploited<'a> {
    /// The day on which it was added.
    pub added: &'a str,
    /// Whether ransomware uses it.
    pub ransomware: bool,
}

impl<'a> Related<'a> {
    pub(crate) fn new(related: &'a model::Related, regions: &Regions) -> Option<Self> {
        let location = Location::new(&related.location, regions)?;
        Some(Self { label: &related.label, location })
    }
}

impl<'a> From<&'a model::Workload> for Workload<'a> {
    fn from(workload: &'a model::Workload) -> Self {
        Self {
            world: &workload.world,
            subject: Subject::from(&workload.subject),
            exposed: workload.exposed.as_deref(),
            privileged: workload.privileged.as_deref(),
        }
    }
}

impl<'a> Vulnerability<'a> {
    /// Of a finding; nothing where it tells of none.
    pub(crate) fn of(finding: &'a model::Finding) -> Option<Self> {
        let found = finding.vulnerability.as_deref()?;
        let ranked = Ranked::of(finding)?;
        let model::Vulnerability { advisory, fix, statement } = found;
        let scores = advisory.scores.iter();
        Some(Self {
            priority: ranked.priority.name(),
            reasons: ranked.parts.iter().map(priority::part).collect(),
            id: &advisory.id,
            aliases: &advisory.aliases,
            title: &advisory.title,
            scores: scores
                .map(|score| Score {
                    source: &score.source,
                    vector: &score.vector,
                    score: score.score,
                })
                .collect(),
            epss: advisory
                .epss
                .map(|model::Epss { probability, percentile }| Epss { probability, percentile }),
            exploited: advisory.exploited.as_ref().map(|exploited| Exploited {
                added: &exploited.added,
                ransomware: exploited.ransomware,
            }),
            fix: fix.name(),
            fixed_version: fix.version(),
            url: &advisory.url,
            statement: statement.as_deref().map(Statement::from),
        })
    }
}

impl<'a> From<&'a model::Statement> for Statement<'a> {
    fn from(statement: &'a model::Statement) -> Self {
        Self {
            status: statement.status.name(),
            justification: &statement.justification,
            text: &statement.text,
            author: &statement.author,
            place: &statement.place,
        }
    }
}
