//! Arguments of `pavisade node`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pavisade_model::KubernetesVersion;

use super::{Color, EXIT_CODES, FailOn, Format};

const COLLECT_CODES: &str = "\
Examples:
  pavisade node audit --root /host --facts > worker-1.json
  kubectl logs -n pavisade-node -l job-name=pavisade-node --tail=-1 | pavisade node collect - > nodes.json
  kubectl logs -n pavisade-integrity -l app.kubernetes.io/name=pavisade-integrity --tail=-1 --since=2h | pavisade node collect - > files.json
  pavisade scan --cluster nodes.json files.json
  pavisade comply --cluster --framework cis-1.12 nodes.json

Exit codes:
  0  written
  2  wrong usage, or a file cannot be read
  3  some input contains no facts; the rest was written";

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    #[command(subcommand)]
    pub command: NodeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Audit a node: access to its files, real command lines and merged configurations (CIS
    /// sections 1, 2 and 4).
    #[command(after_help = EXIT_CODES)]
    Audit(AuditArgs),
    /// Join the facts of several nodes in one file, for `scan` and `comply`: those of `node audit` and of
    /// `integrity verify`.
    #[command(after_help = COLLECT_CODES)]
    Collect(CollectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The root directory of the node: `/host` in a pod that mounts it there.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// The name of the node [default: its hostname].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Print the facts as one line of JSON instead of judging them.
    #[arg(long, conflicts_with_all = ["framework", "format"])]
    pub facts: bool,

    /// Show each control of a benchmark instead of findings: cis-1.12.
    #[arg(short = 'F', long, value_name = "FRAMEWORK")]
    pub framework: Option<String>,

    /// Kubernetes version to assume.
    #[arg(long, value_name = "VERSION", default_value = "1.37")]
    pub kubernetes_version: KubernetesVersion,

    /// Output format. With --framework: terminal, json, csv or markdown.
    #[arg(short, long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Exit with 1 for findings with this severity or higher.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    pub fail_on: FailOn,

    /// Show the reason and the fix of each finding.
    #[arg(long)]
    pub explain: bool,

    /// Show every location and reason.
    #[arg(long)]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,

    /// Width in columns; by default that of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS")]
    pub width: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// Files with facts, one JSON document on a line, as logs of pods contain them; `-` is standard
    /// input.
    #[arg(required = true, value_name = "FACTS")]
    pub files: Vec<PathBuf>,
}
