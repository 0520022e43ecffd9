//! The node agent: events per second without a loss, and what it costs programs on the node.
//!
//! Times are CPU time, with and without the agent in turn. "Added" is what the programs themselves
//! take longer, "agent" what the agent takes, both in percent of the programs' time without it. The
//! agent watches the whole node with all rules of Pavisade. Nothing is compared with Falco.

mod build;
mod containers;
mod web;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::cpu_of;
use crate::agent_figures::Figures;
use crate::shared::root;

const ROUNDS: usize = 7;

/// A workload: its name, the divisor and the unit of its figures, and how many of it a round does.
struct Work {
    name: &'static str,
    unit: (f64, &'static str),
    count: u32,
    run: fn(u32) -> anyhow::Result<()>,
}

const WORKS: &[Work] = &[
    Work {
        name: "open and close a file, two threads",
        unit: (1e-6, "µs"),
        count: 400_000,
        run: |count| opens(count, "/etc/passwd"),
    },
    // The filter of openings does not cover long paths.
    Work {
        name: "the same, all reported",
        unit: (1e-6, "µs"),
        count: 400_000,
        run: |count| opens(count, &format!("/etc/{}passwd", "./".repeat(50))),
    },
    Work { name: "start a program", unit: (1e-6, "µs"), count: 1_500, run: starts },
    Work { name: "write to a pipe (no event)", unit: (1e-6, "µs"), count: 400_000, run: writes },
    Work { name: "build: configure, make, ar", unit: (1.0, "s"), count: 1, run: build::run },
    Work { name: "answer a request of HTTP", unit: (1e-6, "µs"), count: 30_000, run: web::run },
];

/// Measures a program, by default the release build. `only` is the numbers of the workloads, from 1;
/// all if there are none.
pub(super) fn run(program: Option<PathBuf>, only: &[usize]) -> anyhow::Result<()> {
    let program = program.unwrap_or_else(|| root().join("target/release/pavisade-agent"));
    ensure!(
        program.exists(),
        "{} does not exist: `cargo build --release -p pavisade-agent`",
        program.display()
    );
    let status = Command::new(&program).arg("status").output().context("starting the agent")?;
    if !status.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&status.stderr).trim());
        return Ok(());
    }
    println!(
        "{:<36} {:>10} {:>10} {:>8} {:>8} {:>8} {:>9} {:>6}",
        "CPU time for one", "without", "with", "added", "agent", "both", "events/s", "lost"
    );
    let is_meant = |number: usize| only.is_empty() || only.contains(&number);
    for (work, _) in WORKS.iter().zip(1..).filter(|(_, number)| is_meant(*number)) {
        compare(&program, work)?;
    }
    if is_meant(WORKS.len() + 1) {
        containers::run(&program)?;
    }
    Ok(())
}

fn compare(program: &Path, work: &Work) -> anyhow::Result<()> {
    let (mut without, mut with, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rate, mut lost) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        without.push(cpu_of_one(work)?);
        let agent = Agent::start(program, &[])?;
        let (before, start) = (agent.figures.sum("pavisade_events_total")?, Instant::now());
        let used = agent.cpu()?;
        with.push(cpu_of_one(work)?);
        let seconds = start.elapsed().as_secs_f64();
        // What waits in the buffer is counted, too.
        thread::sleep(Duration::from_millis(200));
        own.push((agent.cpu()? - used).as_secs_f64() / f64::from(work.count));
        rate += (agent.figures.sum("pavisade_events_total")? - before) / seconds;
        lost += agent.figures.sum("pavisade_events_lost_total")?;
    }
    let (without, with, own) = (median(&mut without), median(&mut with), median(&mut own));
    let (divisor, unit) = work.unit;
    let percent = |more: f64| more / without * 100.0;
    println!(
        "{:<36} {:>7.2} {unit:<2} {:>7.2} {unit:<2} {:>6.1} % {:>6.1} % {:>6.1} % {:>9.0} {lost:>6.0}",
        work.name,
        without / divisor,
        with / divisor,
        percent(with - without),
        percent(own),
        percent(with - without + own),
        rate / ROUNDS as f64,
    );
    Ok(())
}

fn opens(count: u32, path: &str) -> anyhow::Result<()> {
    let open = || (0..count / 2).all(|_| File::open(path).is_ok());
    let both = thread::scope(|scope| {
        let other = scope.spawn(open);
        open() && other.join().is_ok_and(|done| done)
    });
    ensure!(both, "opening {path}");
    Ok(())
}

fn starts(count: u32) -> anyhow::Result<()> {
    for _ in 0..count {
        ensure!(Command::new("true").status()?.success(), "starting `true`");
    }
    Ok(())
}

fn writes(count: u32) -> anyhow::Result<()> {
    let (mut from, mut to) = std::io::pipe()?;
    let mut byte = [0];
    for _ in 0..count {
        to.write_all(&byte)?;
        from.read_exact(&mut byte)?;
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds of CPU time for one.
fn cpu_of_one(work: &Work) -> anyhow::Result<f64> {
    let own = std::process::id();
    let before = cpu_of(own);
    (work.run)(work.count)?;
    Ok((cpu_of(own) - before).as_secs_f64() / f64::from(work.count))
}

struct Agent {
    child: Child,
    figures: Figures,
}

impl Agent {
    fn start(program: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let figures = Figures::free()?;
        let child = Command::new(program)
            .args(["run", "--host", "all", "--output", "/dev/null", "--metrics"])
            .arg(figures.address())
            .args(more)
            .stderr(Stdio::null())
            .spawn()?;
        let agent = Self { child, figures };
        agent.figures.wait(String::new)?;
        Ok(agent)
    }

    /// The CPU time of all its threads (Documentation/scheduler/sched-stats.rst).
    fn cpu(&self) -> anyhow::Result<Duration> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split(' ').next().context("schedstat is empty")?;
            sum += first.parse::<u64>().context("reading schedstat")?;
        }
        ensure!(sum > 0, "the CPU time of the agent cannot be read");
        Ok(Duration::from_nanos(sum))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
