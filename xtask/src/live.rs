//! `cargo xtask live`: compares verdicts with those of a real API server.
//!
//! A cluster is started for this and removed afterwards. If the machine cannot run one, the task
//! says so and passes.

pub(crate) mod api;
mod example;
mod fields;
mod fixes;
mod pod_security;
mod pods;
mod program;
mod role;
mod shop;
mod yaml_values;

use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use testbed::{Cluster, Shape};

use api::Api;
use program::Program;

/// Arguments of `cargo xtask live`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A comparison, or `all`.
    name: String,
    /// Use this running cluster (`cargo xtask cluster up --name NAME`), and do not stop it.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The seed of generators.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of pods to generate.
    #[arg(long, default_value_t = 2800)]
    pods: usize,
}

/// The environment of a comparison.
struct Bench<'a> {
    cluster: &'a Cluster,
    /// The API as the administrator.
    api: Api,
    program: Program,
    args: &'a Args,
}

/// A comparison with its name.
type Comparison = (&'static str, fn(&Bench<'_>) -> anyhow::Result<()>);

/// Those that leave many objects behind come last.
const COMPARISONS: &[Comparison] = &[
    ("pod-security", pod_security::run),
    ("example", example::run),
    ("role", role::run),
    ("yaml-values", yaml_values::run),
    ("fixes", fixes::run),
];

/// Compares `count` generated pods, and the suite, with an API server's Pod Security admission.
pub(crate) fn pods(count: u32, seed: u64) -> anyhow::Result<()> {
    run(&Args { name: "pod-security".to_owned(), cluster: None, seed, pods: count as usize })
}

/// Runs one comparison or all of them; fails if one does.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let wanted = |(name, _): &&Comparison| args.name == "all" || args.name == *name;
    let chosen: Vec<_> = COMPARISONS.iter().filter(wanted).collect();
    if chosen.is_empty() {
        let known: Vec<_> = COMPARISONS.iter().map(|(name, _)| *name).collect();
        bail!("no comparison is called {}; there are {}, and all", args.name, known.join(", "));
    }
    let cluster = match &args.cluster {
        Some(name) => Cluster::find(name)?.with_context(|| {
            format!("no cluster {name}: `cargo xtask cluster up --name {name}`")
        })?,
        // Two checkouts may be tested at once.
        None => match testbed::start(&Shape::default(), &format!("live-{}", std::process::id())) {
            Ok(cluster) => cluster,
            Err(skipped) => {
                println!("{skipped}");
                return Ok(());
            }
        },
    };
    let api = Api::of(&cluster.kubeconfig())?;
    let bench = Bench { cluster: &cluster, api, program: Program::build()?, args };
    let mut failed = Vec::new();
    for (name, compare) in chosen {
        println!("== {name}");
        let start = Instant::now();
        if let Err(error) = compare(&bench) {
            println!("{error:#}");
            failed.push(*name);
        }
        println!("{:.1} s", start.elapsed().as_secs_f64());
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

impl Bench<'_> {
    /// Returns a name that no other run on this cluster uses.
    fn own(&self, name: &str) -> String {
        format!("{name}-{}", std::process::id())
    }
}
