//! Arguments of `pavisade db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Registry;

const BUILD_EXIT_CODES: &str = "\
Exit codes:
  0  done
  2  wrong usage, or the file could not be written
  3  a file could not be read, so the database lacks its advisories";

const STATUS_EXIT_CODES: &str = "\
Exit codes:
  0  it was read
  2  wrong usage, or it is not a database that this version reads";

const IMPORT_EXIT_CODES: &str = "\
Exit codes:
  0  done, or the same database was there already
  2  nothing was changed: the database cannot be had, is damaged or older";

const UPDATE_HELP: &str = "\
Examples:
  pavisade db update registry.example/security/pavisade-db:1
  pavisade db update https://mirror.example/vulnerabilities.db

Exit codes:
  0  done, or the same database was there already
  2  nothing was changed: the database cannot be had, is damaged or older";

/// Which database is put where.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The database that is replaced [default: where `db build` writes it].
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,

    /// Take it only if it has this SHA-256 digest (64 hexadecimal digits, with or without `sha256:`).
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<String>,

    /// Take it also if its newest advisory is older than that of the database that is there.
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
    /// Make a database of vulnerabilities from advisories that you have.
    #[command(after_help = BUILD_EXIT_CODES)]
    Build {
        /// Files and folders: OSV records (json, jsonl, or the all.zip that OSV publishes), Debian's
        /// security tracker (json), Alpine's secdb (json), CISA's catalog of known exploited
        /// vulnerabilities (json), EPSS (csv); each also with .gz or .zst.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,

        /// The database [default: PAVISADE_DB, else pavisade/vulnerabilities.db in the user's data
        /// folder, where other commands look for it].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Neither progress nor a summary.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Fetch a database from a registry or a web server that you name, and put it in place of the one
    /// that is there.
    ///
    /// Nobody else is contacted. The database is checked before it is used, and the one before stays
    /// beside it as FILE.previous.
    #[command(after_help = UPDATE_HELP)]
    Update {
        /// A reference of a registry whose artifact holds the database as its one file, or the https
        /// address of one, beside which there is its SHA-256 digest (ADDRESS.sha256).
        #[arg(value_name = "REFERENCE|ADDRESS")]
        source: String,

        #[command(flatten)]
        install: Install,

        #[command(flatten)]
        registry: Registry,
    },
    /// Put a database that was copied here in place of the one that is there.
    #[command(after_help = IMPORT_EXIT_CODES)]
    Import {
        /// The copy; `-` is standard input.
        file: PathBuf,

        #[command(flatten)]
        install: Install,
    },
    /// Copy the database, for a machine without a network; its digest is printed.
    #[command(after_help = STATUS_EXIT_CODES)]
    Export {
        /// The copy; `-` is standard output.
        output: PathBuf,

        /// The database [default: where `db build` writes it].
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
    /// Say which feeds a database was made from, and how old they are.
    #[command(after_help = STATUS_EXIT_CODES)]
    Status {
        /// The database [default: where `db build` writes it].
        file: Option<PathBuf>,
    },
}
