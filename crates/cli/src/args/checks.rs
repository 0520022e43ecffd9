//! Arguments of `pavisade checks`, and those that choose checks.

use clap::{Args, Subcommand, ValueEnum};
use pavisade_model::Fixable;

use super::Color;

/// Which checks are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Select {
    /// Only these checks: an id, a name, an area (network), a severity (severity:high) or a pattern
    /// (etcd-*).
    #[arg(
        long = "check",
        value_name = "CHECK",
        value_delimiter = ',',
        help_heading = "Which checks"
    )]
    pub only: Vec<String>,

    /// All but these checks, named in the same ways.
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
            long = "mends",
            value_enum,
            value_name = "HOW",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "either",
            help_heading = "Which checks"
        )]
        fixable: Option<FixableFilter>,
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
pub(crate) enum FixableFilter {
    /// What works today works afterwards.
    Safely,
    /// What uses that which is taken away stops working.
    Riskily,
    /// Either way.
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
