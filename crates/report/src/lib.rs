//! All output formats: terminal, HTML, Markdown, JSON, SARIF and others, and the pages about
//! checks.
//!
//! This crate converts values to text. It performs no other I/O: color, width and frameworks are
//! passed as [`Options`].
//!
//! Out of scope: findings (`checks`, `scan`), and when to use color (the front end).

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
mod grants;
mod guard;
#[cfg(test)]
mod hostile;
mod html;
pub mod image;
pub mod integrity;
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
mod probe;
mod region;
mod sarif;
pub mod sbom;
mod snapshots;
mod summary;
mod terminal;
mod text;
mod usage;
mod verification;
pub mod vulnerabilities;
mod ways;

pub use access::{AccessPage, access};
pub use baseline::baseline;
pub use comply::{ComplyFormat, comply, framework_explain, frameworks_list, topics_list};
pub use fixes::{Again, Fixes, Hidden, fixes, fixes_diff};
pub use grants::{GrantPage, grants};
pub use image::{Gained, ImageFormat, image, image_diff, instruction};
pub use message::of as message;
pub use openvex::openvex;
pub use pages::{Layout, RuntimeRule, check_explain, checks_list, group_explain, runtime_explain};
pub use pod_security::{PodSecurityLayout, pod_security};
pub use probe::{Detection, Noticed, ProbeResult, ProbeRun, probe_report};
pub use sbom::{Sbom, SbomFormat, sbom, sbom_with};
pub use snapshots::{snapshot_diff, snapshot_info};
pub use terminal::{problems, style};
pub use text::count;
pub use usage::{UsagePage, usage};
pub use verification::{Verification, verification, verification_json};
pub use vulnerabilities::vulnerabilities;
pub use ways::{TokenVerdict, token, ways_in};

/// Returns a text for a terminal: on one line, with hidden characters made visible.
pub fn one_line(text: &str) -> String {
    text::clean(text).into_owned()
}

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For terminals.
    Terminal,
    /// The versioned JSON document: [`json::v2`].
    Json,
    /// Version 1 of the JSON document, for findings about Kubernetes objects: [`json`].
    JsonV1,
    /// SARIF 2.1.0.
    Sarif,
    /// A single HTML page.
    Html,
    /// A comment on a pull request.
    Markdown,
    /// One row per finding and note.
    Csv,
    /// JUnit XML.
    Junit,
    /// GitLab's code quality report.
    Gitlab,
    /// Workflow commands of GitHub Actions.
    Github,
}

impl Format {
    /// All formats, in the order of help texts.
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

    /// Returns the lower-case name used on command lines.
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

    /// Whether the format shows which findings can be fixed.
    pub fn tells_fixes(self) -> bool {
        matches!(
            self,
            Self::Terminal | Self::Html | Self::Markdown | Self::Junit | Self::Github | Self::Csv
        )
    }
}

/// Options for output.
#[derive(Debug, Clone)]
pub struct Options {
    /// Terminal: whether to use colors.
    pub color: bool,
    /// Terminal: the width in columns, at least 40.
    pub width: usize,
    /// Terminal: the number of findings of a check that are shown with their source.
    pub per_check: usize,
    /// Terminal: the number of further places of a check that are listed.
    pub places: usize,
    /// Terminal: show every place with its source, and every unknown result and note.
    pub full: bool,
    /// Terminal: show each finding with its source, the reason and the fix.
    pub explain: bool,
    /// Terminal: the paths as given by the user. Empty for the current directory.
    pub paths: Vec<String>,
    /// Terminal: show findings with exceptions.
    pub show_excepted: bool,
    /// Terminal: a summary of what the user's configuration restricts. Empty if there is none. Pod
    /// Security: a sentence on how it changes which files are read.
    pub configuration: String,
    /// Controls by check id (`cis-1.12/5.2.1`). Empty unless requested.
    pub frameworks: BTreeMap<String, Vec<String>>,
    /// Severities by check id, set by the user.
    pub severities: BTreeMap<String, Severity>,
    /// The directory that file names are made relative to. Not used for terminal and JSON.
    pub root: Option<String>,
    /// HTML: the time of the result for display.
    pub made: Option<String>,
    /// HTML: the prefix for links to files, or a URL with `{file}` and `{line}`. No links if
    /// `None`.
    pub links: Option<String>,
    /// HTML: the states of the controls of frameworks.
    pub compliance: Vec<FrameworkStates>,
}

/// The states of the controls of a framework.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FrameworkStates {
    /// The framework: `cis-1.12`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Id, title, and state of each control.
    pub controls: Vec<(String, String, &'static str)>,
}

impl FrameworkStates {
    /// Converts an assessment.
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
    /// Returns the severity of a check's findings.
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
/// Writing to `out` fails.
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
