//! Arguments for the configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pavisade_scan::Honour;

/// The configuration file to use.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file [default: .pavisade.yaml in the given directory, or in its parents up
    /// to the root of the Git repository].
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// Do not use a configuration file.
    #[arg(long, conflicts_with = "config", help_heading = "Configuration")]
    pub no_config: bool,
}

/// The configuration, and which exceptions apply.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub file: ConfigFile,

    /// Policy file with exceptions (repeatable).
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub exceptions: Vec<PathBuf>,

    /// Which exceptions apply.
    #[arg(long, value_enum, default_value_t = AllowFrom::All, value_name = "WHOM", help_heading = "Configuration")]
    pub allow_from: AllowFrom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AllowFrom {
    /// All: in objects, in comments, and in the configuration and policy files.
    #[default]
    #[value(alias = "everybody")]
    All,
    /// Only those in files that the command line specifies (--exceptions, --config), so that
    /// scanned objects cannot exempt themselves.
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
  0  the configuration is valid or absent
  2  the configuration is not valid, or invalid usage";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Validate the configuration.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The files and directories to be scanned [default: .].
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show the effective configuration, and the line of each setting.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The files and directories to be scanned [default: .].
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
}
