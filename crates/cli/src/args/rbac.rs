//! Arguments of `pavisade rbac`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_model::KubernetesVersion;
use pavisade_report::Options;
use pavisade_sources::Scope;

use super::{Color, ConfigFile, LiveArgs, Reading};
use crate::input::Input;
use crate::terminal;

const WHO_CAN_EXIT_CODES: &str = "\
Examples:
  pavisade rbac who-can get secrets -n shop manifests/
  pavisade rbac who-can create deployments.apps --cluster
  pavisade rbac who-can exec pods/web -n shop --snapshot prod.pavisade
  pavisade rbac who-can get /metrics .

Exit codes:
  0  answered, whoever can
  2  wrong usage, or the result could not be written
  3  something could not be read, so others may be able to";

const CAN_EXIT_CODES: &str = "\
Exit codes:
  0  answered
  2  wrong usage, or the result could not be written
  3  something could not be read, so the list may lack something";

const EXPLAIN_EXIT_CODES: &str = "\
Examples:
  pavisade rbac explain sa:shop/web get secrets -n shop manifests/
  pavisade rbac explain alice delete pods/web -n shop --group devs --cluster

Exit codes:
  0  allowed
  1  refused
  2  wrong usage, or the result could not be written
  3  it depends on what could not be read or is not known";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  everybody can do the same in both
  1  somebody gains or loses permissions
  2  wrong usage, or the result could not be written
  3  something could not be read";

const LINT_EXIT_CODES: &str = "\
Exit codes:
  0  no fault
  1  faults
  2  wrong usage, or the result could not be written
  3  something could not be read";

const LEAST_EXAMPLES: &str = "\
Examples:
  pavisade rbac least-privilege sa:shop/web --audit-log /var/log/kubernetes/audit.log
  pavisade rbac least-privilege --all --audit-log logs/ --cluster > roles.yaml
  aws logs filter-log-events --log-group-name /aws/eks/prod/cluster \\
    --log-stream-name-prefix kube-apiserver-audit \\
    | pavisade rbac least-privilege alice --audit-log -

Exit codes:
  0  roles were written, and it is proven that they allow what was used
  2  wrong usage, or the result could not be written
  3  something could not be read or proven";

const UNUSED_EXIT_CODES: &str = "\
Exit codes:
  0  every permission was used
  1  permissions that were not used
  2  wrong usage, or the result could not be written
  3  something could not be read";

const AUDIT_EXIT_CODES: &str = "\
Examples:
  pavisade rbac audit --audit-log /var/log/kubernetes/
  pavisade rbac audit --facts --audit-log logs/ > usage.json
  pavisade scan --cluster usage.json

Exit codes:
  0  answered
  2  wrong usage, or the result could not be written
  3  something could not be read";

#[derive(Debug, Args)]
pub(crate) struct RbacArgs {
    #[command(subcommand)]
    pub command: RbacCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RbacCommand {
    /// Say who can do something, and through which binding, role and rule.
    #[command(after_help = WHO_CAN_EXIT_CODES)]
    WhoCan {
        /// The verb: get, list, create, …; also exec, attach, port-forward, logs, evict, debug, scale.
        verb: String,
        /// RESOURCE, RESOURCE/NAME, RESOURCE/NAME/SUBRESOURCE, or a path that begins with a slash.
        ///
        /// Plural, singular and short names are understood; a resource outside of Kubernetes needs
        /// its group, as in certificates.cert-manager.io, unless its definition was read.
        resource: String,
        /// In this namespace; without it in any, which is shown.
        #[arg(short, long, value_name = "NAMESPACE")]
        namespace: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// List what somebody can do.
    #[command(after_help = CAN_EXIT_CODES)]
    Can {
        /// A user's name, group:NAME, sa:NAMESPACE/NAME.
        subject: String,
        /// Show a table of verbs for each resource.
        #[arg(long)]
        as_table: bool,
        #[command(flatten)]
        groups: Groups,
        #[command(flatten)]
        common: Common,
    },
    /// Say why somebody can or cannot do something: binding, role and rule, or what is missing.
    #[command(after_help = EXPLAIN_EXIT_CODES)]
    Explain {
        /// A user's name, group:NAME, sa:NAMESPACE/NAME.
        subject: String,
        /// The verb, as for who-can.
        verb: String,
        /// The resource, as for who-can.
        resource: String,
        /// The namespace; without it the question is about the whole cluster.
        #[arg(short, long, value_name = "NAMESPACE")]
        namespace: Option<String>,
        #[command(flatten)]
        groups: Groups,
        #[command(flatten)]
        common: Common,
    },
    /// Say who gains and who loses permissions between two folders, files or snapshots.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff {
        /// A file, a folder, or a snapshot (.pavisade).
        old: PathBuf,
        /// The same, later.
        new: PathBuf,
        #[command(flatten)]
        shown: Shown,
    },
    /// Find bindings and rules that do nothing or not what they seem to.
    #[command(after_help = LINT_EXIT_CODES)]
    Lint {
        #[command(flatten)]
        common: Common,
    },
    /// Write the least roles for what somebody used according to audit logs, and prove that they
    /// suffice.
    ///
    /// Each recorded request is decided again with the new roles alone. What they take away is shown
    /// if the current roles are given: --cluster, --snapshot, or files.
    #[command(after_help = LEAST_EXAMPLES)]
    LeastPrivilege(LeastArgs),
    /// Say which permissions were not used according to audit logs.
    #[command(after_help = UNUSED_EXIT_CODES)]
    Unused(UnusedArgs),
    /// Say who used permissions that give power, and whose requests were refused.
    #[command(after_help = AUDIT_EXIT_CODES)]
    Audit(UsesArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LeastArgs {
    /// A user's name, group:NAME, sa:NAMESPACE/NAME. With --all, the first path.
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// For everybody in the log but Kubernetes itself.
    #[arg(long)]
    pub all: bool,
    /// When to limit a rule to names of objects: `stable` where they are few and not generated.
    #[arg(long, value_enum, default_value_t = NamesArg::Stable, value_name = "WHEN")]
    pub names: NamesArg,
    #[command(flatten)]
    pub logs: AuditLogs,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamesArg {
    Never,
    Stable,
    /// Wherever it is valid.
    Always,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UnusedArgs {
    /// Only bindings that name this one: a user's name, group:NAME, sa:NAMESPACE/NAME.
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Option<String>,
    #[command(flatten)]
    pub logs: AuditLogs,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UsesArgs {
    /// Print all uses as facts instead, a document that `scan` and `comply` read like any file.
    #[arg(long, conflicts_with = "json")]
    pub facts: bool,
    #[command(flatten)]
    pub logs: AuditLogs,
    #[command(flatten)]
    pub shown: Shown,
}

/// Audit logs.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuditLogs {
    /// An audit log of the API server, or a folder of them; can be repeated. `-` is standard input.
    ///
    /// Lines of events, batches of a webhook, and EKS's log from CloudWatch are understood, also
    /// compressed (gzip, Zstandard).
    #[arg(long, value_name = "FILE", required = true)]
    pub audit_log: Vec<PathBuf>,
}

/// Groups in addition to those that Kubernetes adds.
#[derive(Debug, Clone, Args)]
pub(crate) struct Groups {
    /// A group that the subject is a member of; may be given again. Authentication decides about
    /// groups, so no object says them.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
}

/// What is read, and how the answer is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Files, folders or archives (tar, tar.gz, tar.zst); `-` is standard input [default: .].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub how: How,
}

/// How input is read and an answer is shown, for `rbac` and `identity`.
#[derive(Debug, Clone, Args)]
pub(crate) struct How {
    #[command(flatten)]
    pub live: LiveArgs,

    #[command(flatten)]
    pub config: ConfigFile,

    #[command(flatten)]
    pub reading: Reading,

    #[command(flatten)]
    pub shown: Shown,
}

impl How {
    /// What to read, of these paths or of a cluster.
    pub(crate) fn input<'a>(&'a self, paths: &'a [PathBuf]) -> Input<'a> {
        Input {
            paths,
            live: Some(&self.live),
            reading: self.reading.clone(),
            kubernetes_version: self.shown.kubernetes_version,
            framework: None,
            scope: Scope::default(),
        }
    }
}

impl Shown {
    /// How a page looks on this terminal.
    pub(crate) fn options(&self) -> Options {
        Options {
            color: terminal::color(self.color, false),
            width: terminal::width(self.width),
            full: self.full,
            ..Options::default()
        }
    }
}

/// How an answer is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct Shown {
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Answer by the semantics of this version of Kubernetes [default: the cluster's, else 1.37].
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,

    /// Show every way and every reason.
    #[arg(long, help_heading = "Output")]
    pub full: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    /// Columns to fill; by default those of the terminal, or 100.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    pub width: Option<usize>,

    /// No progress on standard error.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}
