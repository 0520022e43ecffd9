//! Arguments about the configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_scan::Honour;

/// Which configuration counts.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigFile {
    /// The configuration [default: .pavisade.yaml in the given folder, or above it up to the root
    /// of its Git repository].
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// Use no configuration.
    #[arg(long, conflicts_with = "config", help_heading = "Configuration")]
    pub no_config: bool,
}

/// The configuration, and whose exceptions count.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub file: ConfigFile,

    /// A policy file with exceptions; may be given again.
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub exceptions: Vec<PathBuf>,

    /// Whose exceptions count.
    #[arg(long, value_enum, default_value_t = AllowFrom::All, value_name = "WHOM", help_heading = "Configuration")]
    pub allow_from: AllowFrom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AllowFrom {
    /// Those in objects, in comments, and of the configuration and policy files.
    #[default]
    #[value(alias = "everybody")]
    All,
    /// Those of files that the command line names (--exceptions, --config): what is scanned cannot
    /// exempt itself.
    Policy,
    /// None.
    None,
}

impl AllowFrom {
    pub(crate) fn honour(self) -> Honour {
        match self {
            Self::All => Honour::Everybody,
            Self::Policy => Honour::Policy,
            Self::None => Honour::Nobody,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it is right, or there is none
  2  it is not, or wrong usage";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong with the configuration, if anything.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The files and folders that would be scanned [default: .].
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show what the configuration sets, and on which line.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The files and folders that would be scanned [default: .].
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
}
