//! The command line of `pavisade comply` and `pavisade frameworks`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigArgs, EXIT_CODES, FailOn, Images, LiveArgs, Reading};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ComplyArgs {
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

    /// Judge by the semantics of this version of Kubernetes [default: the cluster's, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Set a parameter of a check, the value as JSON or text: untrusted-registry.allowed='["a.io"]'.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Which checks")]
    pub set: Vec<String>,

    #[command(flatten)]
    pub reading: Reading,

    /// No progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// The framework: its name or a beginning of it (pci-dss, cis), or a file of your own
    /// (own.toml); may be given again.
    ///
    /// `pavisade frameworks list` shows what there is.
    #[arg(short = 'F', long = "framework", value_name = "FRAMEWORK", value_delimiter = ',')]
    pub frameworks: Vec<String>,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = ComplyFormat::Terminal)]
    pub format: ComplyFormat,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Exit with 1 for findings of this severity or worse [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    /// All but these checks, by id or name: controls that need one of them cannot hold.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Which checks")]
    pub skip: Vec<String>,

    /// Let checks of audience `strict` count for every control that their topic serves, not only
    /// for those that name them.
    #[arg(long, help_heading = "Which checks")]
    pub strict: bool,

    /// Show every place, every check and every reason.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct FrameworksArgs {
    #[command(subcommand)]
    pub command: FrameworksCommand,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FrameworksCommand {
    /// List the frameworks, with how much of each is assessed.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what a framework asks for, and which checks speak for it.
    Show {
        /// Its name or a beginning of it, or a file of your own: own.toml.
        framework: String,
    },
    /// List the topics by which files of your own may name checks.
    Topics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComplyFormat {
    /// For people.
    Terminal,
    /// One document by schema/comply-v1.json.
    Json,
    /// A control a row, for spreadsheets.
    Csv,
    /// A document.
    Markdown,
}
