//! Arguments of `pavisade snapshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Access;

const SAVE_EXIT_CODES: &str = "\
Exit codes:
  0  everything that is permitted was read
  2  invalid usage, or the file could not be written
  3  something could not be read: the snapshot is incomplete, and is marked as such";

const INFO_EXIT_CODES: &str = "\
Exit codes:
  0  success
  2  invalid usage, or the file is not a snapshot that this version supports
  3  a part of it could not be read";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  no differences
  1  differences
  2  invalid usage, or a file is not a snapshot that this version supports
  3  not everything could be compared: a part of a snapshot could not be read, or is missing";

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save a cluster to a file, without the values of Secrets.
    #[command(after_help = SAVE_EXIT_CODES)]
    Save {
        /// The file; by convention NAME.pavisade.
        file: PathBuf,

        #[command(flatten)]
        access: Access,

        /// Also list Secrets: their names, types and keys are saved, their values are not.
        /// Permission to list Secrets allows reading every credential in the cluster.
        #[arg(long, help_heading = "Cluster")]
        secrets: bool,

        /// Show no progress on standard error.
        #[arg(short, long, help_heading = "Output")]
        quiet: bool,
    },
    /// Show what a snapshot contains, and which parts of the cluster are missing.
    #[command(after_help = INFO_EXIT_CODES)]
    Info {
        /// The snapshot.
        file: PathBuf,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List objects that were added, removed or changed between two snapshots, with the changed
    /// fields.
    ///
    /// Values are never shown. Fields that change automatically are ignored: status, resource
    /// versions, managed fields.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff {
        /// The earlier snapshot.
        before: PathBuf,

        /// The later snapshot.
        after: PathBuf,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
