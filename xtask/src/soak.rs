//! `cargo xtask soak`: loops that try what happens rarely, many times.

mod kill;

/// Arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Kill runs that write files, at random times.
    Kill {
        /// Runs that are killed.
        #[arg(long, default_value_t = 500)]
        runs: usize,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match args.what {
        What::Kill { runs } => kill::kill_loop(runs),
    }
}
