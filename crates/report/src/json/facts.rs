//! Images and vulnerabilities of findings.

use pavisade_judgement::Ranked;
use pavisade_model as model;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Location, Subject};
use crate::priority;
use crate::region::Regions;

/// A related location of a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Related<'a> {
    /// Its relation to the finding.
    pub label: &'a str,
    /// The location.
    pub location: Location<'a>,
}

/// An object that runs an image.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Workload<'a> {
    /// The world that it is in.
    pub world: &'a str,
    /// The object and container.
    pub subject: Subject<'a>,
    /// What exposes it outside the cluster, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed: Option<&'a str>,
    /// Why it is privileged, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<&'a str>,
}

/// A vulnerability of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Vulnerability<'a> {
    /// Its main identifier: a CVE if there is one.
    pub id: &'a str,
    /// Its priority: `now`, `soon`, `later`, or `unknown` if there is no information.
    pub priority: &'static str,
    /// The reasons for the priority.
    pub reasons: Vec<String>,
    /// Its other identifiers.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub aliases: &'a [String],
    /// Its title.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub title: &'a str,
    /// Scores and their sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score<'a>>,
    /// The probability that it is exploited within 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// Known exploitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploited: Option<Exploited<'a>>,
    /// `fixed`, `not-fixed`, `wont-fix` or `unknown`.
    pub fix: &'static str,
    /// The version that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<&'a str>,
    /// Links to its publications.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub url: &'a str,
    /// The statement of a VEX document about it.
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
    /// The author.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub author: &'a str,
    /// The document and the statement in it.
    pub place: &'a str,
}

/// A score of the Common Vulnerability Scoring System.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Score<'a> {
    /// Its source.
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
    /// Whether ransomware exploits it.
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
    /// Converts the vulnerability of a finding. `None` if it has none.
    pub(crate) fn of(finding: &'a model::Finding) -> Option<Self> {
        let found = finding.vulnerability.as_deref()?;
        let ranked = Ranked::of(finding)?;
        let model::Vulnerability { advisory, fix, statement, built: _ } = found;
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
