//! Arguments of `pavisade storage`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Color;

const ETCD_CODES: &str = "\
Examples:
  pavisade storage etcd snapshot.db
  pavisade storage etcd /var/lib/etcd --encryption-config /etc/kubernetes/encryption.yaml
  pavisade storage etcd member-1.db member-2.db member-3.db
  pavisade storage etcd --endpoints https://127.0.0.1:2379 --cacert ca.crt --cert client.crt --key client.key
  pavisade storage etcd snapshot.db --format json > etcd.json; pavisade scan etcd.json

Values are read, but never printed or decrypted.

Exit codes:
  0  every resource that is checked is encrypted as expected
  1  values in plain text, stale objects, or members that do not agree
  2  wrong usage, or a database cannot be opened
  3  something could not be read, values of a required resource have no known form, or the
     configuration is unclear, so the result is incomplete";

const PLAN_CODES: &str = "\
Examples:
  pavisade storage rotate-plan snapshot.db --encryption-config encryption.yaml

Exit codes:
  0  nothing is stale
  1  there are steps to take
  2  wrong usage, or a database cannot be opened
  3  something could not be read, so the plan may be incomplete";

#[derive(Debug, Args)]
pub(crate) struct StorageArgs {
    #[command(subcommand)]
    pub command: StorageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Show which values in etcd are really encrypted, with which provider and key.
    #[command(after_help = ETCD_CODES)]
    Etcd(EtcdArgs),
    /// Write the steps that rewrite stale objects with the current key, and how to verify them.
    #[command(after_help = PLAN_CODES)]
    RotatePlan(PlanArgs),
}

/// The databases.
#[derive(Debug, Args)]
pub(crate) struct Databases {
    /// Snapshots of etcd, database files, or data directories of members, running or not.
    #[arg(
        required_unless_present = "endpoints",
        conflicts_with = "endpoints",
        value_name = "SNAPSHOT|DATA-DIR"
    )]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: Live,

    /// The EncryptionConfiguration that should apply. With several files, one for each control
    /// plane node: they must agree.
    #[arg(long = "encryption-config", value_name = "FILE")]
    pub configs: Vec<PathBuf>,
}

/// Running members.
#[derive(Debug, Args)]
pub(crate) struct Live {
    /// Client URLs of members: a snapshot is streamed from each. With authentication enabled in
    /// etcd, this needs the role `root`.
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = "Running members")]
    pub endpoints: Vec<String>,

    /// The certificate authorities of the members (PEM).
    #[arg(long, value_name = "FILE", requires = "endpoints", help_heading = "Running members")]
    pub cacert: Option<PathBuf>,

    /// The client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Running members")]
    pub cert: Option<PathBuf>,

    /// The key of the client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Running members")]
    pub key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EtcdArgs {
    #[command(flatten)]
    pub databases: Databases,

    /// The resources that must be encrypted, as in an EncryptionConfiguration.
    ///
    /// With an EncryptionConfiguration, those that it encrypts are added.
    #[arg(long, value_name = "RESOURCE", value_delimiter = ',', default_value = "secrets")]
    pub require: Vec<String>,

    /// Output format.
    #[arg(short, long, value_enum, default_value_t = Form::Terminal)]
    pub format: Form,

    /// Show all resources and stale objects.
    #[arg(long)]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub databases: Databases,

    /// The Kubernetes version of the cluster: StorageVersionMigration is served from 1.37.
    #[arg(long, value_name = "VERSION", default_value = "1.37")]
    pub kubernetes_version: pavisade_model::KubernetesVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For terminals.
    #[value(alias = "text", alias = "table")]
    Terminal,
    /// Facts in JSON, which `pavisade scan` and `pavisade comply` read.
    Json,
}
