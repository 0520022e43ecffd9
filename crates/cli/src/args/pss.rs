//! Arguments of `pavisade pss`.

use std::path::PathBuf;

use clap::Args;
use pavisade_model::KubernetesVersion;

use super::{Color, ConfigFile, LiveArgs, Reading};

const PSS_EXIT_CODES: &str = "\
Exit codes:
  0  what namespaces enforce fits what is in them; or with --patch, done
  1  a namespace enforces less than it meets, or more
  2  wrong usage, or the result could not be written
  3  something could not be read, so that levels are unknown";

#[derive(Debug, Args)]
#[command(after_help = PSS_EXIT_CODES)]
pub(crate) struct PssArgs {
    /// Files, folders or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    ///
    /// A namespace is judged by all that makes pods in it, not by running pods alone. A level is
    /// met where that is proven: what could not be read or judged makes it unknown.
    ///
    /// Of `.pavisade.yaml` count `paths`, `worlds`, `kubernetes-version` and `helm-values`; what it
    /// turns off or lets through is judged all the same, since admission knows nothing of it.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    /// Print the namespaces with the labels to set, for `kubectl apply --server-side -f -`.
    ///
    /// What is enforced is never weakened, and no level is enforced that is not proven to be met;
    /// `audit` and `warn` are set to the next level.
    #[arg(long, conflicts_with = "json")]
    pub patch: bool,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub config: ConfigFile,

    /// Judge by the levels of this version of Kubernetes [default: the cluster's, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub reading: Reading,

    /// Show every place and every reason.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

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
