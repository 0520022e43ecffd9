//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use pavisade_model::Severity;

pub(crate) use checks::{ChecksArgs, ChecksCommand, Select};
pub(crate) use cluster::{Access, ApiServer, LiveArgs};
pub(crate) use comply::{ComplyArgs, ComplyFormat, FrameworksArgs, FrameworksCommand};
pub(crate) use config::{AllowFrom, CheckConfigArgs, ConfigArgs, ConfigCommand, ConfigFile};
pub(crate) use db::{DbArgs, DbCommand, Install};
pub(crate) use fix::FixArgs;
pub(crate) use grant::{GrantArgs, GrantCommand, To};
pub(crate) use identity::{IdentityArgs, IdentityCommand, MfaPolicyArgs, TestTokenArgs};
pub(crate) use image::{Choose, ImageArgs, ImageCommand, ImageFormat, SbomArgs, SbomFormat};
pub(crate) use images::Images;
use network::NetworkArgs;
use probe::ProbeArgs;
pub(crate) use pss::PssArgs;
pub(crate) use rbac::{Common, How, RbacArgs, RbacCommand, Shown};
pub(crate) use reading::{Reading, Render};
pub(crate) use registry::Registry;
pub(crate) use scan::{Format, ScanArgs};
pub(crate) use signing::{
    AttestArgs, Form as KeyShape, KeysArgs, KeysCommand, Kind as KindOfKey, PUBLIC_FULCIO,
    SignArgs, Trust, VerifyArgs, With,
};
pub(crate) use snapshot::{SnapshotArgs, SnapshotCommand};
pub(crate) use vulnerable::{By, Vulnerable};

mod checks;
mod cluster;
mod comply;
mod config;
mod db;
mod fix;
mod grant;
mod identity;
mod image;
mod images;
#[cfg(target_os = "linux")]
pub(crate) mod integrity;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod probe;
mod pss;
pub(crate) mod rbac;
mod reading;
mod registry;
pub(crate) mod runtime;
mod scan;
mod signing;
mod snapshot;
pub(crate) mod storage;
mod vulnerable;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  invalid usage, or the result could not be written
  3  something could not be read, so the result is incomplete (findings or not)";

/// Kubernetes security in one program: assess, enforce, observe and prove, offline and fast.
#[derive(Debug, Parser)]
#[command(name = "pavisade", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan manifests, charts, kustomizations, configuration files, images and live clusters.
    Scan(Box<ScanArgs>),
    /// Assess the controls of a framework: which are met, which fail, which are unknown, with
    /// evidence.
    Comply(Box<ComplyArgs>),
    /// List frameworks and their controls.
    Frameworks(FrameworksArgs),
    /// Save a cluster to a file that other commands can use instead of the cluster.
    Snapshot(Box<SnapshotArgs>),
    /// Fix files in place where no knowledge of the application is needed.
    Fix(FixArgs),
    /// Show which Pod Security level each namespace meets, what violates the next one, and the
    /// labels to set.
    Pss(Box<PssArgs>),
    /// Show what can connect to what and why, and generate the least NetworkPolicies.
    Network(NetworkArgs),
    /// Evaluate audit logs of the API server against rules in the language of Falco.
    Runtime(runtime::RuntimeArgs),
    /// Audit a node: access to files, command lines and configurations that are really in use.
    Node(node::NodeArgs),
    /// Prove what etcd stores: which values are encrypted, with which key, and what is stale.
    Storage(storage::StorageArgs),
    /// Compare the files of a node with a signed baseline, and explain what changed.
    #[cfg(target_os = "linux")]
    Integrity(integrity::IntegrityArgs),
    /// Try what an attacker would try, safely, and prove what is open and what is closed.
    Probe(Box<ProbeArgs>),
    /// Show who can do what and why, and find faults in roles and bindings.
    Rbac(Box<RbacArgs>),
    /// Give access that ends by itself, and remove what has ended.
    Grant(GrantArgs),
    /// Show the ways into the API server, require MFA there, and test tokens.
    Identity(Box<IdentityArgs>),
    /// Show the vulnerabilities in a container image, or list its packages by layer.
    Image(Box<ImageArgs>),
    /// Write an SBOM of a container image: CycloneDX or SPDX.
    Sbom(Box<SbomArgs>),
    /// Say who signed an image or a file, and whether that is proven.
    Verify(Box<VerifyArgs>),
    /// Sign an image in its registry, or a file.
    Sign(Box<SignArgs>),
    /// Sign a statement about an image or a file: provenance, SBOM, vulnerabilities, VEX.
    Attest(Box<AttestArgs>),
    /// Make keys for signing.
    Keys(KeysArgs),
    /// Create, update or inspect the vulnerability database.
    Db(DbArgs),
    /// List and explain checks.
    Checks(ChecksArgs),
    /// Validate the configuration file, or show the effective configuration.
    Config(CheckConfigArgs),
    /// Print a shell completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff).
    Man,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Critical,
    High,
    Medium,
    Low,
    /// Also vulnerabilities without a score.
    Unknown,
    /// Never exit with 1.
    Never,
}

impl FailOn {
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Unknown => Some(Severity::Unknown),
            Self::Never => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// Only on a terminal, and only if NO_COLOR is not set.
    Auto,
    Always,
    Never,
}
