//! Arguments of `pavisade db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const BUILD_EXIT_CODES: &str = "\
Exit codes:
  0  done
  2  wrong usage, or the file could not be written
  3  a file could not be read, so the database lacks its advisories";

const STATUS_EXIT_CODES: &str = "\
Exit codes:
  0  it was read
  2  wrong usage, or it is not a database that this version reads";

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
    /// Say which feeds a database was made from, and how old they are.
    #[command(after_help = STATUS_EXIT_CODES)]
    Status {
        /// The database [default: where `db build` writes it].
        file: Option<PathBuf>,
    },
}
