//! Arguments of `pavisade checks`, and arguments that select checks.

use clap::{Args, Subcommand, ValueEnum};
use pavisade_model::Fixable;

use super::Color;

/// Selection of checks.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Select {
    /// Run only these checks: an ID, a name, an area (network), a severity (severity:high) or a
    /// pattern (etcd-*).
    #[arg(
        long = "check",
        value_name = "CHECK",
        value_delimiter = ',',
        help_heading = "Check selection"
    )]
    pub only: Vec<String>,

    /// Skip these checks, which are specified in the same ways.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Check selection")]
    pub skip: Vec<String>,

    /// Run only checks that are mapped to a framework: cis-1.12, pod-security-standards, own.toml …
    #[arg(short = 'F', long, value_name = "FRAMEWORK", help_heading = "Check selection")]
    pub framework: Option<String>,

    /// Also run checks with the audience `strict`: hardening beyond common practice.
    #[arg(long, help_heading = "Check selection")]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChecksArgs {
    #[command(subcommand)]
    pub command: ChecksCommand,

    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChecksCommand {
    /// List the checks and the runtime rules, one per line. `--check runtime` lists only the latter.
    List {
        #[command(flatten)]
        select: Select,
        /// Only checks whose findings `pavisade fix` can fix: safely, riskily, or without a value
        /// either of them.
        #[arg(
            long = "fixable",
            alias = "mends",
            value_enum,
            value_name = "HOW",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "either",
            help_heading = "Check selection"
        )]
        fixable: Option<FixableFilter>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a check or runtime rule reports, why it matters, and what to do.
    Explain {
        /// ID or name of the check or runtime rule.
        check: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixableFilter {
    /// The fix does not affect running workloads.
    Safely,
    /// The fix may break workloads that rely on what it removes.
    Riskily,
    /// Either of them.
    Either,
}

impl FixableFilter {
    pub(crate) fn takes(self, fixable: Fixable) -> bool {
        match self {
            Self::Safely => fixable == Fixable::Safely,
            Self::Riskily => fixable == Fixable::Riskily,
            Self::Either => fixable != Fixable::Never,
        }
    }
}
