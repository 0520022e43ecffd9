//! `cargo xtask soak`: long tests, of which `make test` runs a tenth.
//!
//! A test takes a count, and fails at the first error or at the end with all errors. Counts are
//! those of a full run; `--part 10` divides them.

#[cfg(target_os = "linux")]
mod files;
mod flood;
mod kill;
mod network;
mod nodes;
mod ordinary;
mod rbac;
mod tokens;

use std::io::{BufRead as _, BufReader};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use crate::tools::built;
use crate::{differential, live, managers};

/// Arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A test, or `all`.
    #[arg(default_value = "all")]
    name: String,
    /// Divide the counts of a full run by this: 10 is a tenth.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    part: u32,
    /// The seed of generators.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

struct Loop {
    name: &'static str,
    /// The count of a full run.
    full: u32,
    /// Whether another step of `make test` already runs a tenth of it.
    elsewhere: bool,
    /// The tool without which a partial run is skipped.
    tool: Option<&'static str>,
    run: fn(count: u32, seed: u64) -> anyhow::Result<()>,
}

const LOOPS: &[Loop] = &[
    // Compares kubectl and Pavisade on generated texts.
    Loop {
        name: "differential",
        full: 8_000,
        elsewhere: false,
        tool: Some("kubectl"),
        run: differential::soak,
    },
    // Compares an API server's Pod Security admission with the checks on generated pods.
    Loop { name: "pods", full: 28_000, elsewhere: true, tool: None, run: live::pods },
    // Compares a simple evaluator with the engine on generated policies and packets.
    Loop { name: "network", full: 100_000, elsewhere: true, tool: None, run: network::soak },
    // Compares an API server with Pavisade on generated roles, bindings and questions.
    Loop {
        name: "rbac",
        full: 20_000,
        elsewhere: false,
        tool: Some("control-plane"),
        run: rbac::run,
    },
    // The same with Kubernetes' own authorizers and aggregation controller, without a server.
    Loop {
        name: "rbac-code",
        full: 20_000,
        elsewhere: false,
        tool: Some("authorizer"),
        run: rbac::code,
    },
    // Compares Kubernetes' own Node authorizer with Pavisade on generated pods and volumes.
    Loop {
        name: "node-graph",
        full: 20_000,
        elsewhere: false,
        tool: Some("authorizer"),
        run: nodes::run,
    },
    // Compares Kubernetes' own code with Pavisade on authentication configurations with tokens.
    Loop {
        name: "tokens",
        full: 4_000,
        elsewhere: false,
        tool: Some("authorizer"),
        run: tokens::run,
    },
    // The same on a real API server, to which this program is all issuers.
    Loop {
        name: "tokens-server",
        full: 1_500,
        elsewhere: false,
        tool: Some("control-plane"),
        run: tokens::server::run,
    },
    // Grants on a real API server whose sweepers are killed at random.
    Loop { name: "grants", full: 200, elsewhere: true, tool: Some("control-plane"), run: grants },
    // Kills runs of active probes on a real API server, and reverts them.
    Loop { name: "probes", full: 100, elsewhere: true, tool: Some("control-plane"), run: probes },
    // Kills agents with policies while their containers do what is allowed and what is not.
    Loop { name: "enforcement", full: 50, elsewhere: true, tool: Some("node"), run: enforcement },
    // Boots kernels that deny by security modules, each with policies and containers.
    Loop { name: "kernels", full: 1, elsewhere: true, tool: None, run: kernels },
    // Boots kernels for ARM64 with an agent for them.
    Loop { name: "arm64", full: 1, elsewhere: true, tool: None, run: arm64 },
    // Kills runs that write files at random times.
    Loop { name: "kill", full: 500, elsewhere: false, tool: None, run: kill },
    // Restarts pods on a real node, whose files are compared with a baseline, and theirs with the image.
    Loop {
        name: "restarts",
        full: 100,
        elsewhere: true,
        tool: Some("control-plane"),
        run: restarts,
    },
    // Kills runs that add a version to a baseline.
    Loop { name: "baselines", full: 200, elsewhere: true, tool: None, run: baselines },
    // Makes a baseline of many files, and compares them with it.
    #[cfg(target_os = "linux")]
    Loop { name: "files", full: files::FULL, elsewhere: false, tool: None, run: files::run },
    // Floods a watch of files with more changes than the queue of the kernel holds.
    Loop { name: "flood", full: flood::FULL, elsewhere: false, tool: None, run: flood::run },
    // Ordinary work in pods of a real node, for so many seconds: the agent must not alert without cause.
    Loop {
        name: "ordinary",
        full: ordinary::FULL,
        elsewhere: false,
        tool: None,
        run: ordinary::run,
    },
    // Compares installed packages with package managers; a partial run includes what needs no
    // network.
    Loop {
        name: "managers",
        full: managers::FULL,
        elsewhere: false,
        tool: None,
        run: managers::soak,
    },
];

fn grants(count: u32, _: u64) -> anyhow::Result<()> {
    test("pavisade-cli", "grants_end", "PAVISADE_GRANTS", &count.to_string())
}

fn probes(count: u32, _: u64) -> anyhow::Result<()> {
    let name = "what_is_done_is_noticed_and_removed";
    test("pavisade-cli", name, "PAVISADE_PROBE_KILLS", &count.to_string())
}

fn restarts(count: u32, _: u64) -> anyhow::Result<()> {
    test("pavisade-cli", "restarts_of_pods_raise_no_alarm", "PAVISADE_RESTARTS", &count.to_string())
}

fn baselines(count: u32, _: u64) -> anyhow::Result<()> {
    let name = "a_killed_run_leaves_a_whole_baseline";
    test("pavisade-cli", name, "PAVISADE_BASELINE_KILLS", &count.to_string())
}

fn enforcement(count: u32, _: u64) -> anyhow::Result<()> {
    let name = "an_agent_that_is_killed_harms_no_container";
    test("pavisade-agent", name, "PAVISADE_AGENT_KILLS", &count.to_string())
}

fn kernels(_: u32, _: u64) -> anyhow::Result<()> {
    test("pavisade-agent", "kernels::", "PAVISADE_KERNELS", "all")
}

fn arm64(_: u32, _: u64) -> anyhow::Result<()> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    const COMPILER: &str = "aarch64-linux-gnu-gcc";
    let built = std::process::Command::new("cargo")
        .args(["build", "--package", "pavisade-agent", "--target", TARGET])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", COMPILER)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CC_aarch64_unknown_linux_gnu", COMPILER)
        .current_dir(crate::shared::root())
        .status()?;
    ensure!(
        built.success(),
        "needs `rustup target add {TARGET}`, and the packages gcc-aarch64-linux-gnu, \
         libc6-dev-arm64-cross and qemu-system-arm"
    );
    let agent = crate::shared::root().join("target").join(TARGET).join("debug/pavisade-agent");
    let agent = agent.to_str().context("the path of the agent is not UTF-8")?;
    test("pavisade-agent", "on_arm64", "PAVISADE_ARM64_AGENT", agent)
}

/// Runs a test of a package, which by itself runs a tenth.
fn test(package: &str, name: &str, variable: &str, value: &str) -> anyhow::Result<()> {
    let args = ["test", "--package", package, "--test", "all", "--", "--nocapture", name];
    let mut child = std::process::Command::new("cargo")
        .args(args)
        .env(variable, value)
        .env("PAVISADE_NEED_CLUSTER", "1")
        .current_dir(crate::shared::root())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().context("it has no output")?).lines() {
        let line = line?;
        println!("{line}");
        count += passed(&line).unwrap_or_default();
    }
    ensure!(child.wait()?.success(), "the test failed");
    // Cargo succeeds even if no test has this name.
    ensure!(count > 0, "no test is called {name}");
    Ok(())
}

/// Returns how many tests passed, from the last line of a test run.
fn passed(line: &str) -> Option<usize> {
    let (count, rest) = line.split_once("test result: ok. ")?.1.split_once(' ')?;
    count.parse().ok().filter(|_| rest.starts_with("passed"))
}

fn kill(runs: u32, seed: u64) -> anyhow::Result<()> {
    fastrand::seed(seed);
    kill::kill_loop(runs as usize)
}

/// Runs one test or all of them; fails if one does.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let named = |one: &&Loop| one.name == args.name;
    let chosen: Vec<_> = match args.name.as_str() {
        "all" => LOOPS.iter().filter(|one| args.part == 1 || !one.elsewhere).collect(),
        _ => LOOPS.iter().filter(named).collect(),
    };
    if chosen.is_empty() {
        let known: Vec<_> = LOOPS.iter().map(|one| one.name).collect();
        bail!("no loop is called {}; there are {}, and all", args.name, known.join(", "));
    }
    let mut failed = Vec::new();
    for one in chosen {
        let count = one.full.div_ceil(args.part);
        println!("== {}: {count} of {}", one.name, one.full);
        let start = Instant::now();
        let missing = one.tool.filter(|tool| built(tool).is_none());
        let ran = missing.map_or_else(|| (one.run)(count, args.seed), |tool| skip(tool, args.part));
        if let Err(error) = ran {
            failed.push(format!("{}: {error:#}", one.name));
        }
        println!("{:.0} s", start.elapsed().as_secs_f64());
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// A full run that would compare nothing fails. `make test` also runs without Go.
fn skip(tool: &str, part: u32) -> anyhow::Result<()> {
    let said = format!("{tool} is not built (`cargo xtask tools {tool}`, which needs Go)");
    ensure!(part > 1, said);
    println!("skipped: {said}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_run_without_its_tool_fails_and_a_part_is_skipped() {
        assert!(skip("kubectl", 1).unwrap_err().to_string().starts_with("kubectl is not built"));
        assert!(skip("kubectl", 10).is_ok());
    }

    #[test]
    fn a_run_without_tests_passes_none() {
        let line = |count: u32| {
            format!(
                "test result: ok. {count} passed; 0 failed; 0 ignored; 0 measured; 9 filtered out"
            )
        };
        assert_eq!((passed(&line(0)), passed(&line(2))), (Some(0), Some(2)));
        // With `--nocapture`, a test may have printed something before.
        assert_eq!(passed(&format!("written{}", line(1))), Some(1));
        assert_eq!(passed("test result: FAILED. 1 passed; 1 failed"), None);
        assert_eq!(passed("test one ... ok"), None);
    }
}
