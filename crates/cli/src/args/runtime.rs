//! Arguments of `pavisade runtime`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Color;

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

Exit codes:
  0  no alert
  1  alerts
  2  wrong usage, or rules that cannot be loaded
  3  some lines are not audit events or could not be read; alerts or not";

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
    Audit(AuditArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Report what is wrong with rule files.
    #[command(after_help = CHECK_CODES)]
    Check(CheckArgs),
    /// List rules; without files, those of Pavisade.
    List(ListArgs),
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
    /// The rule's name.
    pub name: String,

    /// Rule files, in order, after the rules of Pavisade.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = AUDIT_CODES)]
pub(crate) struct AuditArgs {
    /// Audit logs: JSON lines, also compressed by gzip or Zstandard; `-` is standard input.
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,

    /// Load these rules after those of Pavisade; may be given more than once.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// Leave the rules of Pavisade out.
    #[arg(long, requires = "rules")]
    pub only_these_rules: bool,

    /// How alerts are shown.
    #[arg(short, long, value_enum, default_value_t = AlertFormat::Text)]
    pub format: AlertFormat,

    /// Whether to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertFormat {
    /// One line an alert, for people.
    Text,
    /// One JSON object a line, in the form that Falco's forwarders take.
    Json,
}
