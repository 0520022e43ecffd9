//! Arguments of `pavisade pss`.

use std::path::PathBuf;

use clap::Args;
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigFile, LiveArgs, Reading};

const PSS_EXIT_CODES: &str = "\
Exit codes:
  0  the enforced level of every namespace is the one that it meets; with --patch, success
  1  a namespace enforces a lower or higher level than it meets
  2  invalid usage, or the result could not be written
  3  something could not be read, so levels are unknown";

#[derive(Debug, Args)]
#[command(after_help = PSS_EXIT_CODES)]
pub(crate) struct PssArgs {
    /// Files, directories or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    ///
    /// A namespace is evaluated with everything that creates pods in it, not only running pods. A
    /// level is met only if this is proven: anything that could not be read or evaluated makes it
    /// unknown.
    ///
    /// Of `.pavisade.yaml`, only `paths`, `worlds`, `kubernetes-version` and `helm-values` are
    /// used. Disabled checks and exceptions are ignored, because admission does not know about
    /// them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    /// Print the namespaces with the labels to set, for `kubectl apply --server-side -f -`.
    ///
    /// The enforced level is never lowered, and no level is enforced unless it is proven to be met;
    /// `audit` and `warn` are set to the next level.
    #[arg(long, conflicts_with = "json")]
    pub patch: bool,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub config: ConfigFile,

    /// Kubernetes version whose levels to use [default: the version of the cluster, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub reading: Reading,

    /// Show every location and reason.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

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
