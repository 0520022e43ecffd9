//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pavisade_model::{KubernetesVersion, Mends, Severity};
use pavisade_snapshot::DistributionName;

pub(crate) use comply::{ComplyArgs, ComplyFormat, FrameworksArgs, FrameworksCommand};
pub(crate) use fix::FixArgs;
pub(crate) use image::{Choose, ImageArgs, ImageCommand, ImageFormat, SbomArgs, SbomFormat};
pub(crate) use pss::PssArgs;

use crate::config::{CheckConfigArgs, ConfigArgs};

mod comply;
mod fix;
mod image;
mod pss;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  clean: no finding at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage, or the result could not be written
  3  something could not be read, so the result is incomplete (findings or not)";

const SAVE_EXIT_CODES: &str = "\
Exit codes:
  0  all was read that may be read
  2  wrong usage, or the file could not be written
  3  something could not be read: the snapshot is incomplete, and says so when it is used";

const INFO_EXIT_CODES: &str = "\
Exit codes:
  0  it was read
  2  wrong usage, or it is no snapshot that this version reads
  3  a part of it could not be read";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  nothing differs
  1  something differs
  2  wrong usage, or one of them is no snapshot that this version reads
  3  not all could be compared: a part of one could not be read, or was never in it";

/// Kubernetes security: assess what you have, offline and fast.
#[derive(Debug, Parser)]
#[command(name = "pavisade", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge manifests, charts, kustomizations, configuration files, and live clusters.
    Scan(Box<ScanArgs>),
    /// Say which controls of a framework hold, fail or are unknown, with the evidence.
    Comply(Box<ComplyArgs>),
    /// List the frameworks and what they ask for.
    Frameworks(FrameworksArgs),
    /// Keep a cluster in a file that every command takes in its place.
    Snapshot(Box<SnapshotArgs>),
    /// Mend in place what can be mended without knowing the program, and nothing else.
    Fix(FixArgs),
    /// Say which Pod Security level each namespace meets, what breaks at the next, and the labels.
    Pss(Box<PssArgs>),
    /// List the packages in a container image, and the layers that they come from.
    Image(Box<ImageArgs>),
    /// Write the packages in a container image as an SBOM: CycloneDX or SPDX.
    Sbom(Box<SbomArgs>),
    /// List the checks and explain them.
    Checks(ChecksArgs),
    /// Check the configuration file, or show what counts and where it comes from.
    Config(CheckConfigArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff).
    Man,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ScanArgs {
    /// Files, folders or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    ///
    /// With `--cluster` or `--snapshot`, the files that the cluster's objects come from: findings point into them,
    /// and what differs is told.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    /// How the result is written.
    #[arg(short, long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,

    /// Write the result to a file instead of standard output (`-`).
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the result to a file in another format too: html=report.html; may be given again.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    pub also: Vec<(Format, PathBuf)>,

    /// Exit with 1 for findings of this severity or worse [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    #[command(flatten)]
    pub config: ConfigArgs,

    /// Show only what is new since an earlier result: the file of a `scan -f json` (or sarif).
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub baseline: Option<PathBuf>,

    /// Show only findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", help_heading = "Which checks")]
    pub min_severity: Option<Severity>,

    /// Judge by the semantics of this version of Kubernetes [default: the cluster's, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    #[command(flatten)]
    pub select: Select,

    /// Set a parameter of a check, the value as JSON or text: untrusted-registry.allowed='["a.io"]'.
    #[arg(long = "set", value_name = "CHECK.PARAMETER=VALUE", help_heading = "Which checks")]
    pub set: Vec<String>,

    /// Render charts and kustomizations with the helm, kustomize or kubectl found in PATH.
    #[arg(long, value_enum, default_value_t = Render::Auto, help_heading = "Reading")]
    pub render: Render,

    /// How long all charts and kustomizations may take to be rendered.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400), help_heading = "Reading")]
    pub render_timeout: u64,

    /// Values file for every Helm chart that is rendered.
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub helm_values: Vec<PathBuf>,

    /// Show what exceptions let through.
    #[arg(long, help_heading = "Output")]
    pub show_excepted: bool,

    /// Show every finding with its source, every unknown and every note.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// Add the controls of the frameworks that each finding's check serves (JSON, SARIF, CSV; HTML always
    /// has them).
    #[arg(long, help_heading = "Output")]
    pub with_frameworks: bool,

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

/// `html=report.html`.
fn also(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("write it as FORMAT=FILE, for example html=report.html")?;
    let format = Format::from_str(format, false).map_err(|_| {
        let all = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let all: Vec<_> = all.map(|value| value.get_name().to_owned()).collect();
        format!("there is no format `{format}`; there are {}", all.join(", "))
    })?;
    Ok((format, file.into()))
}

/// A live cluster, and the way to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct LiveArgs {
    /// Judge what really runs in a cluster.
    #[arg(long, help_heading = "Cluster")]
    pub cluster: bool,

    /// Judge a cluster that `pavisade snapshot save` kept.
    #[arg(long, value_name = "FILE", conflicts_with = "cluster", help_heading = "Cluster")]
    pub snapshot: Option<PathBuf>,

    #[command(flatten)]
    pub access: Access,

    /// What the cluster is, where that is not found out: eks, gke, aks, openshift, k3s, rke2, talos,
    /// kubeadm, kind, minikube.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub distribution: Option<DistributionName>,

    /// List Secrets too: their names, types and keys are judged, their values are dropped on
    /// arrival. The right to list them is the right to read every credential in the cluster.
    #[arg(long, help_heading = "Cluster")]
    pub secrets: bool,

    /// Print the least ClusterRole for the chosen checks, and do nothing else.
    #[arg(long, help_heading = "Cluster")]
    pub print_rbac: bool,
}

impl LiveArgs {
    /// An option that says something about a cluster where none is read.
    pub(crate) fn idle(&self) -> Option<&'static str> {
        let Access { kubeconfig, context, impersonate, no_probe, .. } = &self.access;
        let of_cluster = [
            ("--kubeconfig", kubeconfig.is_some()),
            ("--context", context.is_some()),
            ("--as", impersonate.is_some()),
            ("--no-probe", *no_probe),
            ("--secrets", self.secrets && !self.print_rbac),
        ];
        let of_picture = ("--distribution", self.distribution.is_some());
        let idle = of_cluster.into_iter().filter(|_| !self.cluster);
        let none = !self.cluster && self.snapshot.is_none();
        let mut all = idle.chain([of_picture].into_iter().filter(|_| none));
        all.find(|(_, set)| *set).map(|(option, _)| option)
    }
}

/// How a cluster is reached and read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Access {
    /// The kubeconfig [default: as kubectl finds it, or the pod's ServiceAccount].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// A context of the kubeconfig instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    /// Act as this user.
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub impersonate: Option<String>,

    /// Act as a member of this group; may be given again.
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        requires = "impersonate",
        help_heading = "Cluster"
    )]
    pub impersonate_groups: Vec<String>,

    /// Send no requests without credentials and make no handshakes with kubelets: what they would
    /// show is unknown then.
    #[arg(long, help_heading = "Cluster")]
    pub no_probe: bool,

    /// How long one answer of the API server may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Cluster")]
    pub request_timeout: u64,

    /// How long all requests to the cluster together may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Cluster")]
    pub cluster_timeout: u64,
}

/// Which checks are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Select {
    /// Only these checks, by id or name.
    #[arg(
        long = "check",
        value_name = "CHECK",
        value_delimiter = ',',
        help_heading = "Which checks"
    )]
    pub only: Vec<String>,

    /// All but these checks, by id or name.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Which checks")]
    pub skip: Vec<String>,

    /// Only checks that serve a framework: cis-1.12, pod-security-standards, own.toml …
    #[arg(short = 'F', long, value_name = "FRAMEWORK", help_heading = "Which checks")]
    pub framework: Option<String>,

    /// Add the checks of audience `strict`: hardening beyond what is common.
    #[arg(long, help_heading = "Which checks")]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Read a cluster and keep it in a file, secret values left out.
    #[command(after_help = SAVE_EXIT_CODES)]
    Save {
        /// The file; by convention NAME.pavisade.
        file: PathBuf,

        #[command(flatten)]
        access: Access,

        /// List Secrets too: their names, types and keys are kept, their values are not. The right
        /// to list them is the right to read every credential in the cluster.
        #[arg(long, help_heading = "Cluster")]
        secrets: bool,

        /// No progress on standard error.
        #[arg(short, long, help_heading = "Output")]
        quiet: bool,
    },
    /// Say what a snapshot holds, and what of the cluster it does not.
    #[command(after_help = INFO_EXIT_CODES)]
    Info {
        /// The snapshot.
        file: PathBuf,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say which objects were added, removed or changed between two snapshots, and in which fields.
    ///
    /// Values are never shown. Fields that change by themselves do not count: status, versions of
    /// the object, who wrote it.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff {
        /// The earlier snapshot.
        before: PathBuf,

        /// The later snapshot.
        after: PathBuf,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ChecksArgs {
    #[command(subcommand)]
    pub command: ChecksCommand,

    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChecksCommand {
    /// List the checks, one a line.
    List {
        #[command(flatten)]
        select: Select,
        /// Only checks whose findings `pavisade fix` mends, all or some of them: safely, riskily,
        /// or without a word either way.
        #[arg(
            long,
            value_enum,
            value_name = "HOW",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "either",
            help_heading = "Which checks"
        )]
        mends: Option<MendsFilter>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what a check looks at, why, and what to do.
    Explain {
        /// Its id or name.
        check: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MendsFilter {
    /// What works today works afterwards.
    Safely,
    /// What uses that which is taken away stops working.
    Riskily,
    /// Either way.
    Either,
}

impl MendsFilter {
    pub(crate) fn takes(self, mends: Mends) -> bool {
        match self {
            Self::Safely => mends == Mends::Safely,
            Self::Riskily => mends == Mends::Riskily,
            Self::Either => mends != Mends::Never,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in a terminal.
    Terminal,
    /// For programs: one document by schema/scan-v1.json.
    Json,
    /// SARIF 2.1.0, for code scanning of code hosts.
    Sarif,
    /// One page for a browser that needs no other file and no network.
    Html,
    /// A comment on a pull request, folded and at most 60,000 bytes long (--full: all of it).
    Markdown,
    /// A line for each finding and note, for spreadsheets and databases.
    Csv,
    /// JUnit XML, for test reports of CI.
    Junit,
    /// GitLab's code quality report, for merge requests.
    Gitlab,
    /// Workflow commands of GitHub Actions: annotations beside the lines.
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Critical,
    High,
    Medium,
    Low,
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
            Self::Never => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Render {
    /// Where the program is found; what is not rendered is said.
    Auto,
    /// Charts are left out, kustomizations are read as their files stand.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}
