//! Arguments of `pavisade comply` and `pavisade frameworks`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigArgs, EXIT_CODES, FailOn, Images, LiveArgs, Reading};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ComplyArgs {
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

    /// Kubernetes version to assume [default: the version of the cluster, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Set a parameter of a check; the value is JSON or text:
    /// untrusted-registry.allowed='["a.io"]'.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Check selection")]
    pub set: Vec<String>,

    #[command(flatten)]
    pub reading: Reading,

    /// Show no progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// The framework: its name or a prefix of it (pci-dss, cis), or your own file (own.toml);
    /// repeatable.
    ///
    /// `pavisade frameworks list` lists the available frameworks.
    #[arg(short = 'F', long = "framework", value_name = "FRAMEWORK", value_delimiter = ',')]
    pub frameworks: Vec<String>,

    /// Output format.
    #[arg(short, long, value_enum, default_value_t = ComplyFormat::Terminal)]
    pub format: ComplyFormat,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Exit with 1 for findings with this severity or higher [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    /// Skip these checks (ID or name): controls that need one of them cannot be met.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Check selection")]
    pub skip: Vec<String>,

    /// Use checks with the audience `strict` for all controls of their topic, not only for controls
    /// that list them.
    #[arg(long, help_heading = "Check selection")]
    pub strict: bool,

    /// Show every location, check and reason.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Width in columns; by default that of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct FrameworksArgs {
    #[command(subcommand)]
    pub command: FrameworksCommand,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FrameworksCommand {
    /// List the frameworks, and how much of each is assessed.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the controls of a framework, and the checks that are mapped to them.
    Show {
        /// Its name or a prefix of it, or your own file: own.toml.
        framework: String,
    },
    /// List the topics that your own framework files can refer to.
    Topics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComplyFormat {
    /// For terminals.
    Terminal,
    /// JSON, see schema/comply-v1.json.
    Json,
    /// CSV with one row per control, for spreadsheets.
    Csv,
    /// Markdown.
    Markdown,
}
