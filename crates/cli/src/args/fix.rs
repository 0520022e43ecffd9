//! Arguments of `pavisade fix`.

use std::path::PathBuf;

use clap::Args;
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigArgs, Select};

const FIX_EXIT_CODES: &str = "\
Exit codes:
  0  success; with --diff, nothing to fix
  1  with --diff, something to fix
  2  invalid usage, or a file could not be written
  3  something could not be read, or the scan after the fix found unexpected results";

#[derive(Debug, Args)]
#[command(after_help = FIX_EXIT_CODES)]
pub(crate) struct FixArgs {
    /// Files and directories [default: .].
    ///
    /// Files are edited in place: comments, order, quotes and indentation are preserved. Helm
    /// charts are templates and are not changed; of kustomizations, the bases and resources are
    /// changed.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Show the changes as a diff without applying them; `git apply` accepts the output.
    #[arg(short, long)]
    pub diff: bool,

    /// Also apply fixes that may break workloads that rely on what is removed: privileges, writable
    /// root file systems, mounted tokens.
    #[arg(long)]
    pub risky: bool,

    #[command(flatten)]
    pub select: Select,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Set a parameter of a check, as for `scan`.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Check selection")]
    pub set: Vec<String>,

    /// Kubernetes version to assume [default: 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Show no progress, and no summary with a diff.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}
