//! The `pavisade` program: arguments, exit codes, progress. It contains no checks.

mod args;
mod audit_logs;
mod bounded;
mod checks;
mod cluster;
mod compare;
mod comply;
mod config;
mod database;
mod db;
mod evidence;
mod examples;
mod explain;
mod fix;
mod frameworks;
mod grant;
mod identity;
mod image;
mod images;
mod input;
#[cfg(target_os = "linux")]
mod integrity;
mod keys;
mod live;
mod man;
mod names;
mod network;
mod node;
mod output;
mod probe;
mod progress;
mod pss;
mod rbac;
mod registry;
mod replace;
mod runtime;
mod scan;
mod select;
mod settings;
mod sign;
mod signals;
mod signatures;
mod snapshot;
mod storage;
mod terminal;
mod verify;
mod vex;
mod work;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::args::{Cli, Command};

/// Threads that read files allocate all the time: with glibc's allocator a scan of the corpus took
/// 10% longer.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit codes, a stable interface for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// No findings at or above `--fail-on`.
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    /// The command line is invalid, or the result could not be written.
    Usage = 2,
    /// Something could not be read, so the result is incomplete, with or without findings.
    Incomplete = 3,
}

fn main() -> ExitCode {
    let matches = examples::add(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match cli.command {
        Command::Scan(mut args) => {
            scan::take_advisory(&mut args);
            scan::run(&args)
        }
        Command::Comply(args) => comply::run(&args),
        Command::Frameworks(args) => frameworks::run(&args),
        Command::Snapshot(args) => snapshot::run(&args.command),
        Command::Fix(args) => fix::run(&args),
        Command::Pss(args) => pss::run(&args),
        Command::Network(args) => network::run(&args),
        Command::Runtime(args) => runtime::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Storage(args) => storage::run(&args),
        #[cfg(target_os = "linux")]
        Command::Integrity(args) => integrity::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Rbac(args) => rbac::run(&args.command),
        Command::Grant(args) => grant::run(&args),
        Command::Identity(args) => identity::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Sbom(args) => image::sbom(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Attest(args) => sign::attest(&args),
        Command::Keys(args) => keys::run(&args.command),
        Command::Checks(args) => checks::run(&args),
        Command::Db(args) => db::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            let mut command = names::complete(Cli::command());
            clap_complete::generate(shell, &mut command, "pavisade", &mut script);
            print(&script)
        }
        Command::Man => man::page(Cli::command()).map_err(Into::into).and_then(|page| print(&page)),
    };
    let outcome = done.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return Outcome::Clean;
        }
        let bare = error.is::<std::io::Error>() && error.chain().count() == 1;
        let error = if bare { error.context("writing standard output") } else { error };
        terminal::say("error", &format!("{error:#}"));
        Outcome::Usage
    });
    ExitCode::from(outcome as u8)
}

fn print(bytes: &[u8]) -> anyhow::Result<Outcome> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("writing standard output")?;
    Ok(Outcome::Clean)
}

/// Returns whether the reader of the output closed it, as in `pavisade scan | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
