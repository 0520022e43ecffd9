//! Development tasks, run with `cargo xtask TASK`.
//!
//! There is one file per task. Nothing here is part of the product.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a chore talks to the person who started it and measures its own time"
)]

mod advisories;
mod advisories_table;
mod agent_figures;
mod api_types;
mod bench;
mod cluster;
mod codegen;
mod cosign;
mod differential;
mod dist;
mod drift;
mod encodings;
mod fuzz;
mod generate;
mod kubectl;
mod live;
mod managers;
mod osv_scanner;
mod ours;
mod random;
mod shared;
mod soak;
mod tools;
mod truth;

use std::process::ExitCode;

use clap::Parser;

/// Development tasks of this project.
#[derive(Parser)]
enum Chore {
    /// Build the pinned Go tools of tests/tools and print their paths.
    Tools(tools::Args),
    /// Start, show, use and stop real clusters for tests.
    Cluster(cluster::Args),
    /// Compare verdicts with those of the suites in ../shared/truth.
    Truth(truth::Args),
    /// Compare verdicts with those of a real API server.
    Live(live::Args),
    /// Look up known advisories of locked crates, offline.
    Advisories,
    /// Write the table of Kubernetes API types from its Go sources.
    ApiTypes,
    /// Write the table of known Kubernetes vulnerabilities from the feed in ../shared.
    AdvisoriesTable,
    /// Write the files that are generated from the code.
    Codegen,
    /// Compare with cosign: what either signs, the other verifies, over real registries.
    Cosign(cosign::Args),
    /// Measure the program, compared with other tools.
    Bench(bench::Args),
    /// Compare kubectl and Pavisade on generated texts.
    Differential(differential::Args),
    /// Build the release files: archive, image, plugin.
    Dist(dist::Args),
    /// Compare the corpus with what an API server makes of it.
    Drift(drift::Args),
    /// Compare kubectl and Pavisade on one pod in many spellings.
    Encodings,
    /// Fuzz the readers of untrusted input.
    Fuzz(fuzz::Args),
    /// Write a large cluster as a snapshot file.
    Generate(generate::Args),
    /// Compare findings in SBOMs with those of osv-scanner, using the same advisories.
    OsvScanner(osv_scanner::Args),
    /// Run the long tests, of which `make test` runs a tenth.
    Soak(soak::Args),
    /// Record what kubectl makes of every file of a corpus.
    KubectlValues(kubectl::Args),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Tools(args) => tools::run(&args),
        Chore::Cluster(args) => cluster::run(&args),
        Chore::Truth(args) => truth::run(&args),
        Chore::Live(args) => live::run(&args),
        Chore::Advisories => advisories::run(),
        Chore::ApiTypes => api_types::run(),
        Chore::AdvisoriesTable => advisories_table::run(),
        Chore::Codegen => codegen::run(),
        Chore::Cosign(args) => cosign::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Differential(args) => differential::run(&args),
        Chore::Dist(args) => dist::run(&args),
        Chore::Drift(args) => drift::run(&args),
        Chore::Encodings => encodings::run(),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Generate(args) => generate::run(&args),
        Chore::KubectlValues(args) => kubectl::run(&args),
        Chore::OsvScanner(args) => osv_scanner::run(&args),
        Chore::Soak(args) => soak::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
