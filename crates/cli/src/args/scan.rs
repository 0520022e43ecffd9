//! Arguments of `pavisade scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pavisade_model::{KubernetesVersion, Severity};

use super::{Color, ConfigArgs, EXIT_CODES, FailOn, Images, LiveArgs, Reading, Select};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ScanArgs {
    /// Files, directories or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    ///
    /// With `--cluster` or `--snapshot`, the files that define the objects of the cluster: findings
    /// refer to these files, and differences are reported.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    #[command(flatten)]
    pub images: Images,

    /// Only explain why an advisory is reported for these images or not: CVE-2026-1234, GHSA-…
    #[arg(long, value_name = "ID", help_heading = "Images")]
    pub explain: Option<String>,

    /// Output format.
    #[arg(short, long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Also write the result to a file in another format: html=report.html; repeatable.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    pub also: Vec<(Format, PathBuf)>,

    /// Exit with 1 for findings with this severity or higher [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Show only findings that are not in an earlier result: the output of `scan -f json` (or
    /// sarif).
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub baseline: Option<PathBuf>,

    /// Show only findings with this severity or higher.
    #[arg(long, value_name = "SEVERITY", help_heading = "Check selection")]
    pub min_severity: Option<Severity>,

    /// Kubernetes version to assume [default: the version of the cluster, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub select: Select,

    /// Set a parameter of a check; the value is JSON or text:
    /// untrusted-registry.allowed='["a.io"]'.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Check selection")]
    pub set: Vec<String>,

    #[command(flatten)]
    pub reading: Reading,

    /// Also show findings that are covered by exceptions.
    #[arg(long, help_heading = "Output")]
    pub show_excepted: bool,

    /// Show every finding with its source, all unknown results and all notes.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// Add the controls that the check of each finding is mapped to (JSON, SARIF, CSV; HTML always
    /// includes them).
    #[arg(long, help_heading = "Output")]
    pub with_frameworks: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Width in columns; by default that of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// Show no progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// `html=report.html`.
fn also(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("use FORMAT=FILE, for example html=report.html")?;
    let format = Format::from_str(format, false).map_err(|_| {
        let all = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let all: Vec<_> = all.map(|value| value.get_name().to_owned()).collect();
        format!("unknown format `{format}`; valid formats are {}", all.join(", "))
    })?;
    Ok((format, file.into()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For terminals.
    Terminal,
    /// JSON, see schema/scan-v2.json.
    #[value(alias = "json-v2")]
    Json,
    /// The previous JSON format, see schema/scan-v1.json.
    JsonV1,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A self-contained HTML page that needs no network.
    Html,
    /// A pull request comment, collapsed and at most 60,000 bytes long (with --full, everything).
    Markdown,
    /// CSV with one row per finding and note, for spreadsheets and databases.
    Csv,
    /// JUnit XML, for CI test reports.
    Junit,
    /// GitLab code quality report, for merge requests.
    Gitlab,
    /// GitHub Actions workflow commands: annotations on the lines.
    Github,
}

impl Format {
    /// The corresponding format of reports.
    pub(crate) fn of_report(self) -> pavisade_report::Format {
        match self {
            Self::Terminal => pavisade_report::Format::Terminal,
            Self::Json => pavisade_report::Format::Json,
            Self::JsonV1 => pavisade_report::Format::JsonV1,
            Self::Sarif => pavisade_report::Format::Sarif,
            Self::Html => pavisade_report::Format::Html,
            Self::Markdown => pavisade_report::Format::Markdown,
            Self::Csv => pavisade_report::Format::Csv,
            Self::Junit => pavisade_report::Format::Junit,
            Self::Gitlab => pavisade_report::Format::Gitlab,
            Self::Github => pavisade_report::Format::Github,
        }
    }
}
