//! Arguments of `pavisade network`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Color, ConfigFile, LiveArgs, Reading};

const ANSWER_CODES: &str = "\
Exit codes:
  0  yes: every connection that was asked for is allowed
  1  no, or not all of them
  2  wrong usage, or an end that is not there
  3  it is not known, or something could not be read

Ends:
  NAMESPACE/NAME, NAMESPACE/KIND/NAME or NAME    a workload
  service/NAMESPACE/NAME                         the pods behind a Service; ports are the Service's
  internet, an address or a block                what is outside of the cluster
  any-pod                                        a pod that no selector singles out
  pod:KEY=VALUE,KEY=VALUE@NAMESPACE              a pod with such labels, there or not";

const CHECK_CODES: &str = "\
Exit codes:
  0  every rule holds
  1  a rule does not hold
  2  wrong usage, or the rules cannot be read
  3  it is not known whether a rule holds, or something could not be read";

const DIFF_CODES: &str = "\
Exit codes:
  0  the same connections
  1  connections differ
  2  wrong usage
  3  something could not be read";

const FOUND_CODES: &str = "\
Exit codes:
  0  nothing to report
  1  something to report
  2  wrong usage
  3  something could not be read";

#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    #[command(subcommand)]
    pub command: NetworkCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Show what connects to what, and what is open.
    Map(Box<MapArgs>),
    /// Say whether connections go from one end to another.
    Can(Box<CanArgs>),
    /// Say which rules decide that, and what would have to change.
    Explain(Box<CanArgs>),
    /// Show which connections are gained and lost between two sets of manifests or snapshots.
    Diff(Box<DiffArgs>),
    /// Check a file of rules about what must and must not connect.
    Check(Box<CheckArgs>),
    /// Show who can connect to the API server, etcd and the kubelets.
    ApiServer(Box<MapLikeArgs>),
    /// Report policies that do not do what they seem to.
    Lint(Box<MapLikeArgs>),
    /// Write the least policies that allow what the configuration of workloads names.
    Generate(Box<GenerateArgs>),
}

/// What is read, and how it is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkInput {
    #[command(flatten)]
    pub live: LiveArgs,

    #[command(flatten)]
    pub config: ConfigFile,

    #[command(flatten)]
    pub reading: Reading,

    /// The network plugin: generic, calico, cilium, ovn-kubernetes, antrea, kube-network-policies,
    /// kube-router, aws-vpc-cni, flannel, none.
    ///
    /// What the specification leaves to plugins is unknown with `generic`.
    #[arg(long, value_name = "NAME", default_value = "generic")]
    pub cni: String,

    /// The namespace of objects in files that name none.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub default_namespace: String,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// No progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapFormat {
    /// For people.
    Text,
    Json,
    /// A connection a line.
    Csv,
    /// A table for a pull request.
    Markdown,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// Files, folders or archives; `-` is standard input [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Only connections of these workloads or namespaces; may be given again.
    #[arg(long, value_name = "NAMESPACE[/NAME]")]
    pub focus: Vec<String>,

    /// How the map is written.
    #[arg(short, long, value_enum, default_value_t = MapFormat::Text, help_heading = "Output")]
    pub format: MapFormat,

    /// Show every name of long lists.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    #[command(flatten)]
    pub input: NetworkInput,
}

#[derive(Debug, Args)]
#[command(after_help = ANSWER_CODES)]
pub(crate) struct CanArgs {
    /// Who connects.
    pub from: String,

    /// To whom.
    pub to: String,

    /// Ports: `80`, `53/UDP`, `8000-8080/TCP`, or several with commas [default: all].
    pub port: Option<String>,

    /// Files, folders or archives; may be given again [default: .].
    #[arg(short, long, value_name = "PATH")]
    pub path: Vec<PathBuf>,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub input: NetworkInput,
}

#[derive(Debug, Args)]
#[command(after_help = DIFF_CODES)]
pub(crate) struct DiffArgs {
    /// A file, folder, archive or snapshot: before.
    pub old: PathBuf,

    /// After.
    pub new: PathBuf,

    /// Print JSON.
    #[arg(long, conflicts_with = "markdown", help_heading = "Output")]
    pub json: bool,

    /// Print a table for a pull request.
    #[arg(long, help_heading = "Output")]
    pub markdown: bool,

    #[command(flatten)]
    pub input: NetworkInput,
}

#[derive(Debug, Args)]
#[command(after_help = CHECK_CODES)]
pub(crate) struct CheckArgs {
    /// The rules, one per line: `FROM may reach TO [PORTS]` or `FROM must not reach TO [PORTS]`.
    pub rules: PathBuf,

    /// Files, folders or archives [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub input: NetworkInput,
}

#[derive(Debug, Args)]
#[command(after_help = FOUND_CODES)]
pub(crate) struct MapLikeArgs {
    /// Files, folders or archives [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub input: NetworkInput,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Files, folders or archives [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Write the policies into this folder, a file for each namespace, and not to standard output.
    #[arg(long, value_name = "DIR")]
    pub merge: Option<PathBuf>,

    #[command(flatten)]
    pub input: NetworkInput,
}
