//! `cargo xtask cluster`: starts, shows, uses and stops a real Kubernetes cluster on this machine.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use testbed::{Cluster, Shape};

/// Arguments of `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Start a cluster, or find a running one with that name and configuration.
    Up(Box<Up>),
    /// Stop a cluster and remove all of its data.
    Down {
        /// The name of the cluster.
        #[arg(long, default_value = NAME)]
        name: String,
        /// All clusters, including those of tests.
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// The clusters that tests started.
        #[arg(long, conflicts_with_all = ["name", "all"])]
        tests: bool,
    },
    /// Show all clusters.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run kubectl as the administrator of a cluster.
    Kubectl {
        /// The name of the cluster.
        #[arg(long, default_value = NAME)]
        name: String,
        /// The arguments of kubectl.
        #[arg(last = true)]
        args: Vec<String>,
    },
}

const NAME: &str = "dev";

#[derive(clap::Args)]
struct Up {
    /// The name of the cluster.
    #[arg(long, default_value = NAME)]
    name: String,
    /// The Kubernetes version, such as v1.35.4, instead of the pinned one.
    #[arg(long)]
    version: Option<String>,
    /// The number of nodes: none, one or two.
    #[arg(long, default_value_t = 0)]
    nodes: u8,
    /// A feature gate of all components: NAME=true.
    #[arg(long, value_parser = gate)]
    feature_gate: Vec<(String, bool)>,
    /// API groups, versions or resources to enable or disable: api/alpha=true.
    #[arg(long)]
    runtime_config: Vec<String>,
    /// A file with an AuthenticationConfiguration.
    #[arg(long)]
    authentication_config: Option<PathBuf>,
    /// A file with an AuthorizationConfiguration, instead of Node and RBAC.
    #[arg(long)]
    authorization_config: Option<PathBuf>,
    /// A file with an audit policy.
    #[arg(long)]
    audit_policy: Option<PathBuf>,
    /// A file with an EncryptionConfiguration.
    #[arg(long)]
    encryption_config: Option<PathBuf>,
    /// An admission plugin in addition to the defaults.
    #[arg(long)]
    admission_plugin: Vec<String>,
    /// A file with an AdmissionConfiguration.
    #[arg(long)]
    admission_config: Option<PathBuf>,
    /// An additional flag of the API server: --api-flag=--name=value.
    #[arg(long, allow_hyphen_values = true)]
    api_flag: Vec<String>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Up(up) => {
            let cluster = testbed::up(&up.shape()?, &up.name)?;
            eprintln!("ready {:.1} s after its start", cluster.ready_after());
            println!("{}", cluster.kubeconfig().display());
            Ok(())
        }
        What::Down { all: false, tests: false, name } => testbed::down(name),
        What::Down { all, .. } => {
            let mut failed = Vec::new();
            for status in testbed::all()? {
                if *all || status.for_tests {
                    failed.extend(testbed::down(&status.name).err());
                }
            }
            failed.pop().map_or(Ok(()), Err)
        }
        What::Status { json: true } => {
            println!("{}", serde_json::to_string_pretty(&testbed::all()?)?);
            Ok(())
        }
        What::Status { json: false } => {
            for status in testbed::all()? {
                let how = if status.running { "running" } else { "not running" };
                let (nodes, memory) = (status.nodes, status.memory_mib);
                println!("{}: {how}, nodes: {nodes}, memory: {memory} MiB", status.name);
                println!("  {}", status.kubeconfig.display());
                for process in status.ended {
                    println!("  ended by itself: {process}");
                }
            }
            Ok(())
        }
        What::Kubectl { name, args } => {
            let Some(cluster) = Cluster::find(name)? else {
                bail!("no cluster {name} is up: `cargo xtask cluster up --name {name}`");
            };
            let mut kubectl = Command::new(cluster.kubectl_program());
            let kubectl = kubectl.args(args).env("KUBECONFIG", cluster.kubeconfig());
            Err(kubectl.exec()).context("running kubectl")
        }
    }
}

impl Up {
    fn shape(&self) -> anyhow::Result<Shape> {
        Ok(Shape {
            version: self.version.clone(),
            nodes: self.nodes,
            feature_gates: self.feature_gate.iter().cloned().collect(),
            runtime_config: self.runtime_config.clone(),
            authentication_config: read(self.authentication_config.as_deref())?,
            authorization_config: read(self.authorization_config.as_deref())?,
            audit_policy: read(self.audit_policy.as_deref())?,
            encryption_config: read(self.encryption_config.as_deref())?,
            admission_plugins: self.admission_plugin.clone(),
            admission_config: read(self.admission_config.as_deref())?,
            api_flags: self.api_flag.clone(),
            ..Shape::default()
        })
    }
}

fn read(path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    };
    path.map(read).transpose()
}

fn gate(text: &str) -> Result<(String, bool), String> {
    let gate = || {
        let (name, on) = text.split_once('=')?;
        Some((name.to_owned(), on.parse().ok()?))
    };
    gate().ok_or_else(|| format!("{text}: want NAME=true or NAME=false"))
}
