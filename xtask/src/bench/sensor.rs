//! The node agent: events per second without a loss, and what it costs programs on the node.
//!
//! Times are CPU time, with and without the agent in turn. The agent watches the whole node with
//! all rules of Pavisade. Nothing is compared with Falco.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{cpu_of, mb, memory_of};
use crate::shared::root;

const ROUNDS: usize = 5;

/// A workload: its name, the unit of its figures, and how many of it a round does.
type Work = (&'static str, u32, fn(u32) -> anyhow::Result<()>);

const WORKS: &[Work] = &[
    ("open and close a file, two threads", 400_000, opens),
    ("start a program", 1_000, starts),
    ("write to a pipe (no event)", 400_000, writes),
];

/// Measures a program, by default the release build.
pub(super) fn run(program: Option<PathBuf>) -> anyhow::Result<()> {
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
        "{:<36} {:>9} {:>9} {:>8} {:>10} {:>8} {:>9}",
        "CPU time for one", "without", "with", "added", "events/s", "lost", "agent"
    );
    for (name, count, work) in WORKS {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let (mut rate, mut lost, mut own) = (0.0, 0.0, 0.0);
        for _ in 0..ROUNDS {
            without.push(cpu_of_one(*count, *work)?);
            let agent = Agent::start(&program)?;
            let (before, start) = (agent.figure("pavisade_events_total")?, Instant::now());
            with.push(cpu_of_one(*count, *work)?);
            let seconds = start.elapsed().as_secs_f64();
            // What waits in the buffer is counted, too.
            thread::sleep(Duration::from_millis(500));
            rate += (agent.figure("pavisade_events_total")? - before) / seconds;
            lost += agent.figure("pavisade_events_lost_total")?;
            // It has started, so it has used some.
            let used = cpu_of(agent.child.id());
            ensure!(!used.is_zero(), "the CPU time of the agent cannot be read");
            own += used.as_secs_f64();
        }
        let (without, with) = (median(&mut without), median(&mut with));
        println!(
            "{name:<36} {:>6.2} µs {:>6.2} µs {:>6.1} % {:>10.0} {:>8.0} {:>6.2} s",
            without * 1e6,
            with * 1e6,
            (with / without - 1.0) * 100.0,
            rate / ROUNDS as f64,
            lost,
            own / ROUNDS as f64,
        );
    }
    let agent = Agent::start(&program)?;
    starts(200)?;
    let memory = memory_of(agent.child.id());
    ensure!(memory > 0, "the memory of the agent cannot be read");
    println!("memory of the agent: {:.0} MB at most", mb(memory));
    Ok(())
}

fn opens(count: u32) -> anyhow::Result<()> {
    let open = move || (0..count / 2).all(|_| File::open("/etc/passwd").is_ok());
    let other = thread::spawn(open);
    ensure!(open() && other.join().is_ok_and(|done| done), "opening /etc/passwd");
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
fn cpu_of_one(count: u32, work: fn(u32) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let own = std::process::id();
    let before = cpu_of(own);
    work(count)?;
    Ok((cpu_of(own) - before).as_secs_f64() / f64::from(count))
}

struct Agent {
    child: Child,
    metrics: u16,
}

impl Agent {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let metrics = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["run", "--host", "all", "--output", "/dev/null", "--metrics"])
            .arg(format!("127.0.0.1:{metrics}"))
            .stderr(Stdio::null())
            .spawn()?;
        let agent = Self { child, metrics };
        let start = Instant::now();
        while !agent.figure("pavisade_processes").is_ok_and(|count| count > 0.0) {
            ensure!(start.elapsed() < Duration::from_secs(60), "the agent does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(agent)
    }

    /// The sum of a figure over its labels.
    fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
