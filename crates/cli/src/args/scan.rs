//! Arguments of `pavisade scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pavisade_model::{KubernetesVersion, Severity};

use super::{Color, ConfigArgs, EXIT_CODES, FailOn, Images, LiveArgs, Reading, Select};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ScanArgs {
    /// Files, folders or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    ///
    /// With `--cluster` or `--snapshot`, the files that the cluster's objects come from: findings point into them,
    /// and what differs is told.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    #[command(flatten)]
    pub images: Images,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the result to a file in another format too: html=report.html; may be given again.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    pub also: Vec<(Format, PathBuf)>,

    /// Exit with 1 for findings of this severity or worse [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Show only what is new since an earlier result: the file of a `scan -f json` (or sarif).
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub baseline: Option<PathBuf>,

    /// Show only findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", help_heading = "Which checks")]
    pub min_severity: Option<Severity>,

    /// Show only findings about objects in these namespaces (patterns: team-*).
    #[arg(
        short,
        long = "namespace",
        value_name = "NAMESPACE",
        value_delimiter = ',',
        help_heading = "Which checks"
    )]
    pub namespaces: Vec<String>,

    /// Leave out files and folders that match (patterns, relative to this folder: tests/**); may be
    /// given again.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', help_heading = "Reading")]
    pub exclude: Vec<String>,

    /// Exit with 1 if objects in the cluster differ from the files that are given.
    #[arg(long, help_heading = "Cluster")]
    pub fail_on_drift: bool,

    /// Judge by the semantics of this version of Kubernetes [default: the cluster's, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub select: Select,

    /// Set a parameter of a check, the value as JSON or text: untrusted-registry.allowed='["a.io"]'.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Which checks")]
    pub set: Vec<String>,

    #[command(flatten)]
    pub reading: Reading,

    /// Show each finding with its source, the reason and the fix; with a check's name, only its
    /// findings.
    ///
    /// With an advisory (--explain=CVE-2026-1234) and images, say why it is reported for them or is
    /// not, and nothing else.
    #[arg(
        long,
        value_name = "CHECK|ADVISORY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        help_heading = "Output"
    )]
    pub explain: Option<String>,

    /// Show every finding on its own instead of joining those about one workload, namespace or
    /// object.
    #[arg(long, help_heading = "Output")]
    pub each: bool,

    /// Show what exceptions let through.
    #[arg(long, help_heading = "Output")]
    pub show_excepted: bool,

    /// Show every finding with its source, every unknown and every note.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// Add the controls of the frameworks that each finding's check serves (JSON, SARIF, CSV; HTML always
    /// has them).
    #[arg(long, help_heading = "Output")]
    pub with_frameworks: bool,

    /// Where the HTML page's links to files lead, with {file} and {line} in it [default: the files
    /// on disk]: https://example.com/shop/blob/main/{file}#L{line}.
    #[arg(long, value_name = "URL", value_parser = source_url, help_heading = "Output")]
    pub source_url: Option<String>,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// No progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// An address of the web with the name of a file in it.
fn source_url(text: &str) -> Result<String, String> {
    let web = text.starts_with("https://") || text.starts_with("http://");
    match web && text.contains("{file}") {
        true => Ok(text.to_owned()),
        false => Err("it begins with https:// and has {file} in it".into()),
    }
}

/// `html=report.html`.
fn also(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("write it as FORMAT=FILE, for example html=report.html")?;
    let format = Format::from_str(format, false).map_err(|_| {
        let all = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let all: Vec<_> = all.map(|value| value.get_name().to_owned()).collect();
        format!("there is no format `{format}`; there are {}", all.join(", "))
    })?;
    Ok((format, file.into()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in a terminal.
    Terminal,
    /// For programs: one document by schema/scan-v2.json.
    #[value(alias = "json-v2")]
    Json,
    /// Its first form, by schema/scan-v1.json.
    JsonV1,
    /// SARIF 2.1.0, for code scanning of code hosts.
    Sarif,
    /// One page for a browser that needs no other file and no network.
    Html,
    /// A comment on a pull request, folded and at most 60,000 bytes long (--full: all of it).
    Markdown,
    /// A line for each finding and note, for spreadsheets and databases.
    Csv,
    /// JUnit XML, for test reports of CI.
    Junit,
    /// GitLab's code quality report, for merge requests.
    Gitlab,
    /// Workflow commands of GitHub Actions: annotations beside the lines.
    Github,
}

impl Format {
    /// The format of reports that it is.
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
