//! Arguments of `pavisade probe`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Color, FailOn, Format};

const PROBE_CODES: &str = "\
A scope item is a network (10.0.0.0/24), an address, HOST:PORT, COMPONENT@HOST:PORT, `cluster`, or
namespace=NAME. Nothing else is contacted.

Exit codes:
  0  nothing is open at or above --fail-on
  1  something is open at or above --fail-on
  2  invalid usage, or the result could not be written
  3  nothing is open, but something could not be determined; or something was not read, or was left
     behind";

const POD_CODES: &str = "\
Exit codes: as for `pavisade probe`.";

const REVERT_CODES: &str = "\
Exit codes:
  0  nothing of the run is left
  2  wrong usage, the cluster cannot be reached, or something could not be removed";

const DISCOVER_CODES: &str = "\
Examples:
  pavisade probe discover > scope.yaml
  pavisade probe discover --environment

Exit codes:
  0  everything was listed
  2  invalid usage, or there is no cluster
  3  something could not be listed";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = PROBE_CODES)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub command: Option<ProbeCommand>,

    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Probe the container in which the program runs, and what is in scope from there.
    #[command(after_help = POD_CODES)]
    Pod(Box<RunArgs>),
    /// Print every request that a run would send, without sending anything.
    Plan(Box<PlanArgs>),
    /// Print what the cluster consists of, as a scope file: nodes, API server, node ports, Services.
    ///
    /// Only lists of the API server are requested. Read the file and remove what may not be touched
    /// before you use it.
    #[command(after_help = DISCOVER_CODES)]
    Discover(DiscoverArgs),
    /// List the probes.
    List(ListArgs),
    /// Put a link in place of the log of a canary pod, until the program is stopped.
    #[command(hide = true)]
    Plant(PlantArgs),
    /// Accept connections, as the server of a canary pod.
    #[command(hide = true)]
    Serve {
        /// The port.
        port: u16,
    },
    /// Print a file, as a canary pod, and then accept connections.
    #[command(hide = true)]
    Show {
        /// The file.
        file: PathBuf,
        /// The port. Without one, the program ends.
        port: Option<u16>,
    },
    /// Remove what a run of active probes created, for example after it was killed.
    #[command(after_help = REVERT_CODES)]
    Revert(RevertArgs),
}

/// What may be touched, and which probes run.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeArgs {
    /// What may be touched: a network, an address, HOST:PORT, COMPONENT@HOST:PORT, `cluster`, or
    /// namespace=NAME (repeatable).
    #[arg(long, value_name = "ITEM", help_heading = "Scope")]
    pub scope: Vec<String>,

    /// A file with the scope, limits, and consent to active probes.
    #[arg(long, value_name = "FILE", help_heading = "Scope")]
    pub scope_file: Option<PathBuf>,

    /// Only these probes, by id, name, or beginning of an id (repeatable).
    #[arg(long, value_name = "PROBE", value_delimiter = ',', help_heading = "Scope")]
    pub only: Vec<String>,

    /// Not these probes (repeatable).
    #[arg(long, value_name = "PROBE", value_delimiter = ',', help_heading = "Scope")]
    pub skip: Vec<String>,

    /// Start a restricted pod in this namespace, and run the probes of a container in it. The
    /// consent in the scope file must name `in-pod`.
    #[arg(
        long,
        value_name = "NAMESPACE",
        requires = "scope_file",
        requires = "pod_image",
        help_heading = "Scope"
    )]
    pub in_pod: Option<String>,

    /// Try connections that policies forbid, between canary pods in the namespaces of the scope. The
    /// consent in the scope file must name `segmentation`.
    #[arg(long, requires = "scope_file", requires = "pod_image", help_heading = "Scope")]
    pub segmentation: bool,

    /// The image of pods that run (--in-pod, --segmentation, and the active probes PV-P161 to
    /// PV-P163), whose entry point is `pavisade` of this version.
    #[arg(long, value_name = "REFERENCE", help_heading = "Scope")]
    pub pod_image: Option<String>,

    /// A file with the certificates that servers should present, to compare them with those that they
    /// present: facts of nodes (`node audit --facts`), kubeconfigs, and manifests of Secrets of the type
    /// kubernetes.io/tls, webhooks and Services (repeatable).
    #[arg(long, value_name = "FILE", help_heading = "Scope")]
    pub facts: Vec<PathBuf>,

    /// Path to the kubeconfig [default: as for kubectl, or the ServiceAccount of the pod].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    /// An image that admission permits, for the pods that are tried.
    #[arg(
        long,
        value_name = "REFERENCE",
        default_value = "registry.k8s.io/pause:3.10",
        help_heading = "Cluster"
    )]
    pub image: String,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,

    /// Also run the active probes that the consent in the scope file names. They create canaries
    /// in a namespace of the run, and remove them at the end.
    #[arg(long, requires = "scope_file", help_heading = "Scope")]
    pub active: bool,

    /// Directory for journals [default: $XDG_STATE_HOME/pavisade/probe].
    #[arg(long, value_name = "DIRECTORY", help_heading = "Journal")]
    pub journals: Option<PathBuf>,

    /// Private key that signs the journal; without one, a key is made for the run.
    #[arg(long, value_name = "FILE", help_heading = "Journal")]
    pub key: Option<PathBuf>,

    /// File with the passphrase of the key.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Journal")]
    pub passphrase_file: Option<PathBuf>,

    /// Output format.
    #[arg(short, long, value_enum, default_value_t = Format::Terminal, help_heading = "Output")]
    pub format: Format,

    /// Write the result to a file.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Also write every request and the verdict on its response, as JSON that `scan` and `comply`
    /// read.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub evidence: Option<PathBuf>,

    /// Also write a report for people: scope, consent, timeline, results and detection (HTML).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// Compare with logs whether the run was noticed: audit=FILE (the log of the API server),
    /// runtime=FILE (alerts of a sensor, one per line).
    #[arg(long, value_name = "LOGS", help_heading = "Output")]
    pub expect: Option<Expect>,

    /// Exit with 1 if something of this severity or higher is open.
    #[arg(long, value_enum, default_value_t = FailOn::Low, value_name = "SEVERITY", help_heading = "Output")]
    pub fail_on: FailOn,

    /// Show each finding with its reason and fix.
    #[arg(long, help_heading = "Output")]
    pub explain: bool,

    /// Show every finding in full.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// Add the controls of frameworks to findings.
    #[arg(long, help_heading = "Output")]
    pub with_frameworks: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Width in columns; by default that of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// Do not show progress.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,

    /// Include active probes.
    #[arg(long, requires = "scope_file")]
    pub active: bool,

    /// JSON, one request per line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlantArgs {
    /// The directory of the logs of a pod, as the program sees it.
    pub folder: PathBuf,
    /// The same directory, as the node sees it.
    pub on_node: PathBuf,
    /// The content of the file that the link leads to.
    pub line: String,
    /// The port at which connections are accepted once the link is there.
    pub port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// From the environment and the DNS configuration of this pod, without the API server.
    #[arg(long, conflicts_with_all = ["kubeconfig", "context"])]
    pub environment: bool,

    /// Path to the kubeconfig [default: as for kubectl, or the ServiceAccount of the pod].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// The run, as printed by `pavisade probe`.
    #[arg(required_unless_present = "expired")]
    pub run: Option<String>,

    /// Everything of runs that expired, instead of one run.
    #[arg(long, conflicts_with = "run")]
    pub expired: bool,

    /// Directory of journals [default: $XDG_STATE_HOME/pavisade/probe].
    #[arg(long, value_name = "DIRECTORY")]
    pub journals: Option<PathBuf>,

    /// Path to the kubeconfig [default: as for kubectl, or the ServiceAccount of the pod].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// The logs to compare with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expect {
    /// The audit log of the API server.
    pub audit: Option<PathBuf>,
    /// Alerts of a sensor.
    pub runtime: Option<PathBuf>,
}

impl std::str::FromStr for Expect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut expect = Self::default();
        for part in text.split(',') {
            let (name, file) = part.split_once('=').unwrap_or((part, ""));
            let place = match name {
                "audit" => &mut expect.audit,
                "runtime" => &mut expect.runtime,
                _ => return Err(format!("`{part}`: write audit=FILE or runtime=FILE")),
            };
            if file.is_empty() {
                return Err(format!("`{part}`: a file is missing"));
            }
            *place = Some(file.into());
        }
        Ok(expect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_what_they_are() {
        let expect: Expect = "audit=a.log,runtime=b.jsonl".parse().unwrap();
        assert_eq!(expect.audit, Some("a.log".into()));
        assert_eq!(expect.runtime, Some("b.jsonl".into()));
        for wrong in ["", "a.log", "audit", "audit=", "log=a"] {
            assert!(wrong.parse::<Expect>().is_err(), "{wrong}");
        }
    }
}
