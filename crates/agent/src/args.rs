//! Arguments of `pavisade-agent`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::outputs::Target;

const RUN_EXAMPLES: &str = "\
Examples:
  pavisade-agent run
  pavisade-agent run --rules local.yaml --output /var/log/pavisade/alerts.jsonl
  pavisade-agent run --host nothing --metrics 127.0.0.1:9376
  pavisade-agent run --pods --node-name $NODE_NAME
  pavisade-agent run --exceptions policy.yaml

It needs root, or the capabilities BPF, PERFMON, SYS_PTRACE and DAC_READ_SEARCH in the node's PID
namespace.";

/// Watches the containers of a node and reports what rules find.
#[derive(Debug, Parser)]
#[command(name = "pavisade-agent", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch this node until interrupted. Alerts are JSON lines.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Show what this kernel allows: which events, which enforcement, and why not more.
    Status(StatusArgs),
    /// Ask the agent on this node whether it works, for probes of the kubelet. The exit code is 0 if it
    /// does.
    Health(HealthArgs),
    /// Kill the agent that started this process if it hangs.
    #[command(hide = true)]
    Watchdog,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub rules: RuleArgs,

    #[command(flatten)]
    pub node: NodeArgs,

    #[command(flatten)]
    pub pods: PodArgs,

    /// What is observed outside of containers.
    #[arg(long, value_enum, default_value_t = HostEvents::Processes)]
    pub host: HostEvents,

    /// Enforce the policies in this file: end forbidden programs, deny forbidden connections;
    /// repeatable.
    #[arg(long = "enforce", value_name = "FILE")]
    pub policies: Vec<PathBuf>,

    #[command(flatten)]
    pub outputs: OutputArgs,

    /// Serve figures for Prometheus at this loopback address (`/metrics`), and whether the agent works
    /// (`/healthz`).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
}

/// What the API server is asked.
#[derive(Debug, Args)]
pub(crate) struct PodArgs {
    /// Watch the pods of this node on the API server, for labels and owners in rules and alerts. The
    /// ServiceAccount of the agent needs `list` and `watch` on pods.
    #[arg(long)]
    pub pods: bool,

    /// The API server [default: that of the cluster in which the agent runs].
    #[arg(long, value_name = "URL", requires = "pods")]
    pub api_server: Option<String>,

    /// The file with the token for it. It is read again before each list.
    #[arg(
        long,
        value_name = "FILE",
        requires = "pods",
        default_value = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    )]
    pub api_token: PathBuf,

    /// The file with the certificates of its authority.
    #[arg(
        long,
        value_name = "FILE",
        requires = "pods",
        default_value = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    )]
    pub api_ca: PathBuf,
}

/// Where alerts go.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Where alerts go: `-` is standard output, an address is a webhook that gets each as JSON in
    /// Falco's form, anything else is a file; repeatable.
    #[arg(short, long, value_name = "TARGET", default_value = "-")]
    pub output: Vec<Target>,

    /// Start a new file of alerts at this size.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub file_size: u64,

    /// How many older files of alerts are kept.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub files: u32,
}

/// Which rules judge.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// Load these rules after those of Pavisade; repeatable.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// Leave the rules of Pavisade out.
    #[arg(long, requires = "rules")]
    pub only_these_rules: bool,

    /// A file whose `exceptions` with `rules` accept alerts until a date, such as a policy file or
    /// `.pavisade.yaml`; repeatable.
    #[arg(long, value_name = "FILE")]
    pub exceptions: Vec<PathBuf>,
}

/// Where the node's state is.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// A folder in which the container runtime keeps the state of each container; repeatable. By
    /// default those of containerd, k3s and CRI-O.
    #[arg(long, value_name = "DIRECTORY")]
    pub state: Vec<PathBuf>,

    /// The name of this node; by default the host name.
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The address at which the agent serves figures.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = crate::metrics::ADDRESS)]
    pub metrics: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// How the answer is shown.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostEvents {
    /// Nothing: containers only.
    Nothing,
    /// Programs that are started.
    Processes,
    /// All events that rules need.
    All,
}
