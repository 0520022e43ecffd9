//! Arguments of `pavisade snapshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Access;

const SAVE_EXIT_CODES: &str = "\
Exit codes:
  0  all was read that may be read
  2  wrong usage, or the file could not be written
  3  something could not be read: the snapshot is incomplete, and says so when it is used";

const INFO_EXIT_CODES: &str = "\
Exit codes:
  0  it was read
  2  wrong usage, or it is no snapshot that this version reads
  3  a part of it could not be read";

const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0  nothing differs
  1  something differs
  2  wrong usage, or one of them is no snapshot that this version reads
  3  not all could be compared: a part of one could not be read, or was never in it";

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Read a cluster and keep it in a file, secret values left out.
    #[command(after_help = SAVE_EXIT_CODES)]
    Save {
        /// The file; by convention NAME.pavisade.
        file: PathBuf,

        #[command(flatten)]
        access: Access,

        /// List Secrets too: their names, types and keys are kept, their values are not. The right
        /// to list them is the right to read every credential in the cluster.
        #[arg(long, help_heading = "Cluster")]
        secrets: bool,

        /// No progress on standard error.
        #[arg(short, long, help_heading = "Output")]
        quiet: bool,
    },
    /// Say what a snapshot holds, and what of the cluster it does not.
    #[command(after_help = INFO_EXIT_CODES)]
    Info {
        /// The snapshot.
        file: PathBuf,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say which objects were added, removed or changed between two snapshots, and in which fields.
    ///
    /// Values are never shown. Fields that change by themselves do not count: status, versions of
    /// the object, who wrote it.
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
