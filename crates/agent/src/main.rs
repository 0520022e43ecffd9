//! The `pavisade-agent` program: watches the containers of a node. It contains no judgement.

mod alert;
mod args;
mod metrics;
mod outputs;
mod pods;
mod policies;
mod repeated;
mod rules;
mod run;
mod status;
mod watchdog;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    provide_cryptography();
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Health(args) => metrics::health(args.metrics),
        Command::Watchdog => watchdog::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Must come before the first TLS connection.
fn provide_cryptography() {
    // It fails only if one was chosen before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Writes a line for people.
fn say(text: &str) {
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let text: String = text.chars().map(plain).collect();
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
