//! Everything that users read and programs parse: terminal, HTML, Markdown, JSON, SARIF and other
//! formats of programs, and the pages about checks.
//!
//! It takes values and writes text. It opens nothing and asks nothing: colour, width and what is
//! known about frameworks come in as [`Options`].
//!
//! Not here: what is found (`checks`, `scan`), when colour is right (the faces).

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use pavisade_compliance::Assessment;
use pavisade_judgement::Judgement;
use pavisade_model::{Rule, Severity};

mod access;
mod advice;
mod baseline;
pub mod comply;
mod csv;
pub mod explained;
mod fixes;
#[cfg(test)]
mod fixture;
mod github;
mod gitlab;
mod guard;
#[cfg(test)]
mod hostile;
mod html;
pub mod image;
pub mod json;
mod junit;
mod markdown;
mod mask;
mod message;
pub mod network;
mod openvex;
mod pages;
mod place;
mod pod_security;
mod priority;
mod region;
mod sarif;
pub mod sbom;
mod snapshots;
mod summary;
mod terminal;
mod text;
mod verification;
pub mod vulnerabilities;
mod ways;

pub use access::{AccessPage, access};
pub use baseline::baseline;
pub use comply::{ComplyFormat, comply, framework_explain, frameworks_list, topics_list};
pub use fixes::{Again, Fixes, Hidden, fixes, fixes_diff};
pub use image::{Gained, ImageFormat, image, image_diff, instruction};
pub use message::of as message;
pub use openvex::openvex;
pub use pages::{Layout, check_explain, checks_list, group_explain};
pub use pod_security::{PodSecurityLayout, pod_security};
pub use sbom::{Sbom, SbomFormat, sbom, sbom_with};
pub use snapshots::{snapshot_diff, snapshot_info};
pub use terminal::{problems, style};
pub use verification::{Verification, verification, verification_json};
pub use vulnerabilities::vulnerabilities;
pub use ways::{TokenVerdict, token, ways_in};

/// A text for a terminal: on one line, hidden characters made visible.
pub fn one_line(text: &str) -> String {
    text::clean(text).into_owned()
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Terminal,
    /// Our own versioned document: [`json::v2`].
    Json,
    /// Its first form, of findings about Kubernetes objects: [`json`].
    JsonV1,
    /// SARIF 2.1.0.
    Sarif,
    /// One page to look at.
    Html,
    /// A comment on a pull request.
    Markdown,
    /// A line for each finding and note.
    Csv,
    /// JUnit XML.
    Junit,
    /// GitLab's code quality report.
    Gitlab,
    /// Workflow commands of GitHub Actions.
    Github,
}

impl Format {
    /// All, in the order in which help texts name them.
    pub const ALL: [Self; 10] = [
        Self::Terminal,
        Self::Json,
        Self::JsonV1,
        Self::Sarif,
        Self::Html,
        Self::Markdown,
        Self::Csv,
        Self::Junit,
        Self::Gitlab,
        Self::Github,
    ];

    /// The lower-case word of command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::JsonV1 => "json-v1",
            Self::Sarif => "sarif",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Junit => "junit",
            Self::Gitlab => "gitlab",
            Self::Github => "github",
        }
    }

    /// Whether it says of a finding that it can be fixed.
    pub fn tells_fixes(self) -> bool {
        matches!(
            self,
            Self::Terminal | Self::Html | Self::Markdown | Self::Junit | Self::Github | Self::Csv
        )
    }
}

/// How to show a result.
#[derive(Debug, Clone)]
pub struct Options {
    /// Terminal: with colours.
    pub color: bool,
    /// Terminal: columns that there are. Less than 40 counts as 40.
    pub width: usize,
    /// Terminal: findings of one check that are shown with their source.
    pub per_check: usize,
    /// Terminal: further places of one check that are listed.
    pub places: usize,
    /// Terminal: every place with its source, every unknown and every note.
    pub full: bool,
    /// Terminal: each finding with its source, the reason and the fix.
    pub explain: bool,
    /// Terminal: what was asked to be read, as it was written; empty for this folder.
    pub paths: Vec<String>,
    /// Terminal: what exceptions let through.
    pub show_excepted: bool,
    /// Terminal: what the user's configuration turns off, in a few words; empty where there is none.
    /// The page of levels: what it changes about what is read, in a sentence.
    pub configuration: String,
    /// Controls by check id (`cis-1.12/5.2.1`); empty where nobody asked.
    pub frameworks: BTreeMap<String, Vec<String>>,
    /// Severities by check id that the user set in place of the checks' own.
    pub severities: BTreeMap<String, Severity>,
    /// What file names are made relative to, where they begin with it; not in terminal and JSON.
    pub root: Option<String>,
    /// HTML: when the result was made, for people.
    pub made: Option<String>,
    /// HTML: what leads from the page to the files that it names, in front of their names; or an
    /// address with `{file}` and `{line}` in it. No links where there is none.
    pub links: Option<String>,
    /// HTML: what is said of the controls of frameworks.
    pub compliance: Vec<FrameworkStates>,
}

/// What is said of the controls of a framework.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FrameworkStates {
    /// The framework: `cis-1.12`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Id, title, and state in a word.
    pub controls: Vec<(String, String, &'static str)>,
}

impl FrameworkStates {
    /// What an assessment says.
    pub fn of(assessment: &Assessment<'_>) -> Self {
        let controls = assessment.controls.iter().map(|assessed| {
            let control = assessed.control;
            (control.id.clone(), control.title.clone(), comply::label(assessed.state))
        });
        let framework = assessment.framework;
        Self {
            id: framework.id.clone(),
            title: framework.title.clone(),
            controls: controls.collect(),
        }
    }
}

impl Options {
    /// How bad it is when a check fails.
    pub(crate) fn severity(&self, rule: &Rule) -> Severity {
        self.severities.get(&*rule.id).copied().unwrap_or(rule.severity)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            per_check: 1,
            places: 8,
            full: false,
            explain: false,
            paths: Vec::new(),
            show_excepted: false,
            configuration: String::new(),
            frameworks: BTreeMap::new(),
            severities: BTreeMap::new(),
            root: None,
            made: None,
            links: None,
            compliance: Vec::new(),
        }
    }
}

/// Writes a result.
///
/// # Errors
/// `out` does not take it.
pub fn write(
    format: Format,
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    match format {
        Format::Terminal => terminal::write(judgement, options, &mut out)?,
        Format::JsonV1 => json::write(judgement, options, &mut out)?,
        Format::Json => json::v2::write(judgement, options, &mut out)?,
        Format::Sarif => guard::write(&sarif::log(judgement, options), &mut out)?,
        Format::Html => html::write(judgement, options, &mut out)?,
        Format::Markdown => markdown::write(judgement, options, &mut out)?,
        Format::Csv => csv::write(judgement, options, &mut out)?,
        Format::Junit => junit::write(judgement, options, &mut out)?,
        Format::Gitlab => gitlab::write(judgement, options, &mut out)?,
        Format::Github => github::write(judgement, options, &mut out)?,
    }
    out.flush()
}
