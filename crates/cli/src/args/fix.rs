//! Arguments of `pavisade fix`.

use std::path::PathBuf;

use clap::Args;
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigArgs, Select};

const FIX_EXIT_CODES: &str = "\
Exit codes:
  0  done; or with --diff, nothing to fix
  1  with --diff: something would be fixed
  2  wrong usage, or a file could not be written
  3  something could not be read, or the scan afterwards found what it should not";

#[derive(Debug, Args)]
#[command(after_help = FIX_EXIT_CODES)]
pub(crate) struct FixArgs {
    /// Files and folders [default: .].
    ///
    /// Files are changed as they stand: comments, order, quotes and indentation stay. Charts are
    /// templates and are left alone; of kustomizations the bases and resources are changed.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Show what would change, and change nothing; `git apply` takes the output.
    #[arg(short, long)]
    pub diff: bool,

    /// Make those fixes too after which what uses that which is taken away stops working:
    /// privileges, writable root file systems, tokens that are mounted.
    #[arg(long)]
    pub risky: bool,

    #[command(flatten)]
    pub select: Select,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Set a parameter of a check, as for `scan`.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Which checks")]
    pub set: Vec<String>,

    /// Judge by the semantics of this version of Kubernetes [default: 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// No progress, and no summary beside a difference.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}
