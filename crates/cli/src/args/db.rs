//! Arguments of `pavisade db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Registry;

const BUILD_EXIT_CODES: &str = "\
Exit codes:
  0  success
  2  invalid usage, or the file could not be written
  3  a file could not be read, so its advisories are missing";

const STATUS_EXIT_CODES: &str = "\
Exit codes:
  0  success
  2  invalid usage, or the file is not a database that this version supports";

const IMPORT_EXIT_CODES: &str = "\
Exit codes:
  0  success, or the same database is already installed
  2  nothing was changed: the database is not available, damaged or older";

const UPDATE_HELP: &str = "\
Examples:
  pavisade db update registry.example/security/pavisade-db:1
  pavisade db update https://mirror.example/vulnerabilities.db

Exit codes:
  0  success, or the same database is already installed
  2  nothing was changed: the database is not available, damaged or older";

/// Which database to install, and where.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The database to replace [default: the database that `db build` writes].
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,

    /// Install it only if it has this SHA-256 digest (64 hexadecimal digits, with or without
    /// `sha256:`).
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<String>,

    /// Install it even if its newest advisory is older than that of the current database.
    #[arg(long)]
    pub allow_older: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    pub command: DbCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Create a vulnerability database from local advisory files.
    #[command(after_help = BUILD_EXIT_CODES)]
    Build {
        /// Files and directories: OSV records (json, jsonl, or the all.zip that OSV publishes), the
        /// Debian security tracker (json), Alpine secdb (json), the CISA catalog of known exploited
        /// vulnerabilities (json), EPSS (csv); each optionally with .gz or .zst.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,

        /// The database [default: PAVISADE_DB, else pavisade/vulnerabilities.db in the user's data
        /// directory, where other commands look for it].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Show neither progress nor a summary.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Download a database from a registry or web server that you specify, and replace the current
    /// one.
    ///
    /// No other server is contacted. The database is verified before it is used, and the previous
    /// one is kept as FILE.previous.
    #[command(after_help = UPDATE_HELP)]
    Update {
        /// A reference in a registry whose artifact contains the database as its only file, or an
        /// https URL, with the SHA-256 digest at the same address plus .sha256.
        #[arg(value_name = "REFERENCE|ADDRESS")]
        source: String,

        #[command(flatten)]
        install: Install,

        #[command(flatten)]
        registry: Registry,
    },
    /// Replace the current database with a local copy.
    #[command(after_help = IMPORT_EXIT_CODES)]
    Import {
        /// The copy; `-` is standard input.
        file: PathBuf,

        #[command(flatten)]
        install: Install,
    },
    /// Copy the database, for a machine without network access, and print its digest.
    #[command(after_help = STATUS_EXIT_CODES)]
    Export {
        /// The copy; `-` is standard output.
        output: PathBuf,

        /// The database [default: the database that `db build` writes].
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
    /// Show from which feeds a database was created, and how old they are.
    #[command(after_help = STATUS_EXIT_CODES)]
    Status {
        /// The database [default: the database that `db build` writes].
        file: Option<PathBuf>,
    },
}
