//! The pinned Go programs, which `testbed` builds and keeps.

use testbed::tools::{TOOLS, programs};
pub(crate) use testbed::tools::{built, tool};

/// Arguments of `cargo xtask tools`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tools to build; all if none is given.
    names: Vec<String>,
}

/// Builds the tools and prints their paths.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let all = TOOLS.iter().map(|tool| tool.name);
    let named = args.names.iter().map(String::as_str);
    let names: Vec<&str> = if args.names.is_empty() { all.collect() } else { named.collect() };
    for name in names {
        for program in programs(name)? {
            println!("{}", program.display());
        }
    }
    Ok(())
}
