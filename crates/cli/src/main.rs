//! The program `pavisade`: arguments, exit codes, progress. No judgement.
#![expect(clippy::disallowed_methods, reason = "a face reads the environment and the clock")]

mod args;
mod checks;
mod progress;
mod scan;
mod select;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command};

/// How the program ends; stable, since scripts look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing to report at or above `--fail-on`.
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    /// The command line is wrong, or the result could not be written.
    Usage = 2,
    /// Something could not be read, so that the result is incomplete; findings or not.
    Incomplete = 3,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Checks(args) => checks::run(&args),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "pavisade", &mut std::io::stdout());
            Ok(Outcome::Clean)
        }
        Command::Man => man(),
    };
    let outcome = done.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return Outcome::Clean;
        }
        anstream::eprintln!("{}: {error:#}", terminal::error("error"));
        Outcome::Usage
    });
    ExitCode::from(outcome as u8)
}

fn man() -> anyhow::Result<Outcome> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(Outcome::Clean)
}

/// The reader of our output had enough: `pavisade scan | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
