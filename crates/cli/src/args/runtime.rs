//! Arguments of `pavisade runtime`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::grant::time;
use super::{ApiServer, Color, ConfigFile};

const CHECK_CODES: &str = "\
Examples:
  pavisade runtime rules check rules/*.yaml
  pavisade runtime rules check --strict falco_rules.yaml local.yaml

Files are loaded in the order given; later ones override and append to earlier ones.

Exit codes:
  0  every rule can be loaded
  1  something is wrong with a rule
  2  wrong usage, or a file cannot be read";

const AUDIT_CODES: &str = "\
Examples:
  pavisade runtime audit /var/log/kubernetes/audit.log
  pavisade runtime audit audit-*.log.gz --rules local.yaml --format json
  kubectl logs … | pavisade runtime audit -
  pavisade runtime audit --listen 127.0.0.1:8765
  pavisade runtime audit audit.log --exceptions policy.yaml --show-excepted

Exit codes:
  0  no alert
  1  alerts
  2  wrong usage, or rules that cannot be loaded
  3  some lines are not audit events or could not be read; alerts or not";

const REPLAY_CODES: &str = "\
An event is a JSON object with fields of the rule language, such as
  {\"evt.type\": \"execve\", \"proc.name\": \"bash\", \"proc.tty\": 34816, \"container.id\": \"3f6a\"}
or an alert in Falco's JSON form.

Examples:
  pavisade runtime replay events.jsonl
  pavisade runtime replay events.jsonl.gz --rules local.yaml --format json

Exit codes:
  0  no alert
  1  alerts
  2  wrong usage, or rules that cannot be loaded
  3  some lines are not events or could not be read; alerts or not";

const TEST_CODES: &str = "\
A test file names rule files and cases:
  rules: [local.yaml]
  tests:
  - name: a shell is an alert
    event: {evt.type: execve, proc.name: bash, proc.tty: 34816, container.id: 3f6a}
    alerts: [Terminal shell in a container]

`audit` in place of `event` holds an audit event. `alerts` must list all rules that alert; an
empty list means that none does. `only-these-rules: true` leaves the rules of Pavisade out.

Exit codes:
  0  every case is as expected
  1  a case is not
  2  a case or a file is wrong; the others were run";

const SUGGEST_CODES: &str = "\
Examples:
  pavisade runtime audit audit.log --format json > alerts.jsonl
  pavisade runtime suggest-exception alerts.jsonl >> local.yaml
  head -1 alerts.jsonl | pavisade runtime suggest-exception - --fields ka.user.name,ka.target.namespace

Read the exceptions before you use them: what they cover is no longer reported.

Exit codes:
  0  written
  2  wrong usage, an alert that cannot be read, or no field that an exception can compare";

const QUARANTINE_CODES: &str = "\
Examples:
  pavisade runtime quarantine web-5d4f-x -n shop --for 4h --reason 'incident 4711'
  pavisade runtime release web-5d4f-x -n shop

Exit codes:
  0  the pod is cut off
  2  wrong usage, or the API server refused it
  3  the pod is quarantined, but another policy may allow connections";

const RELEASE_CODES: &str = "\
Examples:
  pavisade runtime release web-5d4f-x -n shop
  pavisade runtime release --expired

Exit codes:
  0  released, or nothing has expired
  2  wrong usage, there is nothing to release, or the API server refused it
  3  with --expired: policies with the label of a quarantine were left, because Pavisade did not make
     them or their end cannot be read";

const TAIL_EXAMPLES: &str = "\
Examples:
  pavisade runtime tail /var/log/pavisade/alerts.jsonl
  pavisade runtime tail alerts.jsonl -n shop --no-follow
  pavisade runtime tail alerts.jsonl --audit /var/log/kubernetes/audit.log
  kubectl logs -f -n pavisade-agent ds/pavisade-agent | pavisade runtime tail -

Exit codes:
  0  shown
  2  wrong usage, or the file cannot be read
  3  none of the lines is an alert";

#[derive(Debug, Args)]
pub(crate) struct RuntimeArgs {
    #[command(subcommand)]
    pub command: RuntimeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RuntimeCommand {
    /// Check, list and explain rules in the language of Falco.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Find suspicious requests in audit logs of the API server.
    #[command(after_help = AUDIT_CODES)]
    Audit(AuditArgs),
    /// Evaluate recorded system call events.
    #[command(after_help = REPLAY_CODES)]
    Replay(ReplayArgs),
    /// Write the narrowest exception for an alert, in the rule language.
    #[command(after_help = SUGGEST_CODES)]
    SuggestException(SuggestArgs),
    /// Cut a pod off from the network until an end, with a NetworkPolicy.
    ///
    /// The pod continues to run, so that it can be examined. Its network plugin must enforce
    /// NetworkPolicies. Connections that exist already may continue, and what another policy allows
    /// stays open, which is reported.
    #[command(after_help = QUARANTINE_CODES)]
    Quarantine(QuarantineArgs),
    /// End the quarantine of a pod.
    ///
    /// Only what `pavisade runtime quarantine` made is removed.
    #[command(after_help = RELEASE_CODES)]
    Release(ReleaseArgs),
    /// Show alerts of pavisade-agent as they come, with their processes.
    #[cfg(unix)]
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(TailArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    /// The pod.
    pub pod: String,

    /// Its namespace.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    pub namespace: String,

    /// For how long: 30m, 2h, 1d. `release --expired` ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub time: Duration,

    /// Why; it is recorded in the policy.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,

    #[command(flatten)]
    pub server: ApiServer,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The pod, which may no longer exist.
    #[arg(required_unless_present = "expired")]
    pub pod: Option<String>,

    /// All whose end has passed, instead of one pod.
    #[arg(long, conflicts_with = "pod")]
    pub expired: bool,

    /// The namespace [default: default, or with --expired all].
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    #[command(flatten)]
    pub server: ApiServer,
}

/// Which alerts are shown.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The file of alerts that pavisade-agent writes; `-` is standard input.
    #[arg(value_name = "ALERTS")]
    pub alerts: PathBuf,

    /// Only alerts of this namespace; repeatable.
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Vec<String>,

    /// Show who started the processes with `kubectl exec`, from this audit log of the API server.
    #[arg(long, value_name = "LOG")]
    pub audit: Option<PathBuf>,

    /// Stop at the end of the file.
    #[arg(long)]
    pub no_follow: bool,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Report what is wrong with rule files.
    #[command(after_help = CHECK_CODES)]
    Check(CheckArgs),
    /// List rules; without files, those of Pavisade.
    List(ListArgs),
    /// Run test files: events, and the rules that must alert for each.
    #[command(after_help = TEST_CODES)]
    Test(TestArgs),
    /// Show one rule with its macros, lists and exceptions put in.
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Rule files, in order.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Rules that can never match here are errors, not warnings.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Rule files, in order.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The rule's name or ID.
    pub name: String,

    /// Rule files, in order, after the rules of Pavisade.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Test files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SuggestArgs {
    /// A file with alerts as `--format json` writes them, one on a line; `-` is standard input.
    #[arg(value_name = "ALERTS")]
    pub alerts: PathBuf,

    /// Rule files that the alerts come from, after the rules of Pavisade; repeatable.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// The fields to compare, instead of all that do not change from event to event.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub fields: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Audit logs, or directories with them: JSON lines, also compressed with gzip or Zstandard;
    /// `-` is standard input.
    #[arg(required_unless_present = "listen", conflicts_with = "listen", value_name = "LOG")]
    pub logs: Vec<PathBuf>,

    #[command(flatten)]
    pub judging: Judging,

    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Recorded events, or directories with them: JSON lines, also compressed with gzip or
    /// Zstandard; `-` is standard input.
    #[arg(required = true, value_name = "EVENTS")]
    pub events: Vec<PathBuf>,

    #[command(flatten)]
    pub judging: Judging,
}

/// The API server's audit webhook.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Evaluate the events that the API server sends to this address, until interrupted. Without
    /// TLS, only a loopback address is accepted.
    #[arg(long = "listen", id = "listen", value_name = "ADDRESS:PORT", help_heading = "Webhook")]
    pub address: Option<SocketAddr>,

    /// The server certificate (PEM, with its chain).
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["listen", "tls_key", "client_ca"],
        help_heading = "Webhook"
    )]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the server certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Webhook")]
    pub tls_key: Option<PathBuf>,

    /// The certificate authority of accepted client certificates (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Webhook")]
    pub client_ca: Option<PathBuf>,
}

/// Which rules judge, and how alerts are shown.
#[derive(Debug, Args)]
pub(crate) struct Judging {
    /// Load these rules after those of Pavisade; may be given more than once.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// Leave the rules of Pavisade out.
    #[arg(long, requires = "rules")]
    pub only_these_rules: bool,

    #[command(flatten)]
    pub config: ConfigFile,

    /// Policy file with exceptions (repeatable).
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub exceptions: Vec<PathBuf>,

    /// Also show alerts that an exception covers, with its reason.
    #[arg(long)]
    pub show_excepted: bool,

    /// How alerts are shown.
    #[arg(short, long, value_enum, default_value_t = AlertFormat::Text)]
    pub format: AlertFormat,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertFormat {
    /// One line per alert, for people.
    #[value(alias = "terminal")]
    Text,
    /// One JSON object per line, in the form that Falco's forwarders take.
    Json,
}
