//! `cargo xtask bench`: measures the speed of the program, compared with another tool in the same
//! run.
//!
//! Results are printed, never asserted. Peers are installed with their usual package clients
//! (`kube-score`, `checkov`, `osv-scanner` and `syft` in `tests/tools`), only for this task.

mod audit;
mod etcd;
mod hostile;
mod identity;
mod image;
#[cfg(target_os = "linux")]
mod integrity;
mod live;
mod network;
#[cfg(unix)]
mod node;
mod peers;
mod rules;
mod sensor;
mod verify;
mod vulnerabilities;

#[cfg(target_os = "linux")]
pub(crate) use integrity::baseline_digest;

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pavisade_checks::{Catalog, CheckSet};
use pavisade_model::{KubernetesVersion, Scope};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::generate;
use crate::shared::{corpus, files, root};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure.
    #[arg(value_enum)]
    what: What,
    /// Do not run the peer.
    #[arg(long)]
    no_peer: bool,
    /// Measure this program instead of the release build (`audit`, `etcd`, `hostile`, `image`,
    /// `integrity`, `network`, `node`, `sensor`, `verify`, `vulnerabilities`).
    #[arg(long, hide = true)]
    program: Option<PathBuf>,
    /// The number of objects (`hostile`), of files, layers and megabytes (`image`), of pods (`network`)
    /// or of processes (`node`) instead of the defaults; the numbers of the workloads (`sensor`).
    #[arg(long, hide = true, value_delimiter = ',')]
    sizes: Vec<usize>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// Scan of the manifest corpus, growth by number of objects, and kube-score.
    Scan,
    /// Listing 10,000 objects of a real API server, compared with kubectl.
    Live,
    /// Generated clusters of up to 5,000 nodes and 100,000 pods, from snapshot files.
    Cluster,
    /// Scan of the manifest corpus, compared with kube-score and Checkov.
    Peers,
    /// Images compared with Syft: the given ones, one of a gigabyte, a million small files, a
    /// hundred layers.
    Image,
    /// The vulnerability database, SBOMs and an image, compared with osv-scanner.
    Vulnerabilities,
    /// One pod under all checks of scope Object, as in admission.
    Review,
    /// Verification of signed images on loopback, compared with cosign: one image, and many in
    /// sequence.
    Verify,
    /// Network maps of generated clusters of up to 100,000 pods and 10,000 policies.
    Network,
    /// Questions about permissions on up to 100,000 bindings.
    Identity,
    /// Baselines of files, compared with the speed of the hash and with AIDE.
    #[cfg(target_os = "linux")]
    Integrity,
    /// Runtime rules over a mix of system call events.
    Rules,
    /// Audit logs: speed, and memory over 5 GB.
    Audit,
    /// The proof of encryption at rest on databases of up to a gigabyte.
    Etcd,
    /// The audit of a node: this machine, and generated ones with up to 20,000 processes.
    #[cfg(unix)]
    Node,
    /// The node agent: events per second, and what it costs programs (needs root).
    Sensor,
    /// Inputs designed to be expensive: growth of the time, and peak memory.
    Hostile,
}

/// Runs one benchmark.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match args.what {
        What::Live => live::run(),
        What::Identity => identity::run(),
        #[cfg(target_os = "linux")]
        What::Integrity => integrity::run(args.program.as_deref(), !args.no_peer),
        What::Rules => rules::run(),
        What::Audit => audit::run(args.program.as_deref()),
        What::Etcd => etcd::run(args.program.as_deref(), &args.sizes),
        #[cfg(unix)]
        What::Node => node::run(args.program.as_deref(), &args.sizes),
        What::Sensor => sensor::run(args.program.clone(), &args.sizes),
        What::Scan => scan(!args.no_peer),
        What::Cluster => clusters(),
        What::Peers => peers::run(),
        What::Image => image::run(!args.no_peer, args.program.as_deref(), &args.sizes),
        What::Network => network::run(args.program.as_deref(), &args.sizes),
        What::Hostile => hostile::run(args.program.as_deref(), &args.sizes),
        What::Vulnerabilities => vulnerabilities::run(!args.no_peer, args.program.as_deref()),
        What::Verify => verify::run(args.program.as_deref(), !args.no_peer, &args.sizes),
        What::Review => {
            review();
            Ok(())
        }
    }
}

/// The cost of one run of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// The CPU time of all cores, which depends less on other load.
    cpu: Duration,
    /// Peak resident memory in bytes.
    pub(crate) memory: u64,
}

fn scan(peer: bool) -> anyhow::Result<()> {
    let unpacked = tempfile::tempdir()?;
    let Some(corpus) = corpus(None, unpacked.path())? else { return Ok(()) };
    let program = release_binary()?;
    let bytes = total_bytes(&corpus)?;
    println!(
        "corpus: {:.1} MB, read from the page cache, nothing rendered by other programs",
        mb(bytes)
    );
    let cost = median(9, || measure(ours(&program, &[&corpus])))?;
    println!(
        "pavisade scan: {:.3} s, {:.0} MB peak, {:.2} bytes of memory a byte of input",
        cost.wall.as_secs_f64(),
        mb(cost.memory),
        cost.memory as f64 / bytes as f64
    );
    curve(&program, &corpus)?;
    if peer {
        let [wall, cpu] = peers::kube_score(&program, &corpus)?;
        println!("{wall:.1} times as fast as kube-score, and {cpu:.1} times less CPU time");
    }
    Ok(())
}

/// Scans parts and copies of the corpus.
fn curve(program: &Path, corpus: &Path) -> anyhow::Result<()> {
    println!("objects      MB   seconds  MB peak");
    let all = files(corpus, &["yaml", "yml"])?;
    for target in [100, 1_000, 10_000, 100_000] {
        let folder = tempfile::tempdir()?;
        let (mut count, mut copy) = (0, 0);
        'fill: loop {
            copy += 1;
            for file in &all {
                let text = fs::read(corpus.join(file))?;
                let text = String::from_utf8_lossy(&text);
                let here: usize = read(&Source::new("count", text.as_ref()))
                    .docs
                    .iter()
                    .map(|doc| objects(doc.root()).sent.len())
                    .sum();
                if here == 0 {
                    continue;
                }
                let to = folder.path().join(format!("copy-{copy}")).join(file);
                fs::create_dir_all(to.parent().context("a file has a folder")?)?;
                fs::write(to, text.as_bytes())?;
                count += here;
                if count >= target {
                    break 'fill;
                }
            }
        }
        let bytes = total_bytes(folder.path())?;
        let cost = median(3, || measure(ours(program, &[folder.path()])))?;
        println!(
            "{count:>7}  {:>6.1}  {:>8.3}  {:>7.0}",
            mb(bytes),
            cost.wall.as_secs_f64(),
            mb(cost.memory)
        );
    }
    Ok(())
}

/// Measures reading and judging of saved clusters; judging is the total minus reading.
fn clusters() -> anyhow::Result<()> {
    let program = release_binary()?;
    let folder = tempfile::tempdir()?;
    println!("   pods  nodes  objects  file MB  read s  judge s  all s  MB peak");
    for pods in [1_000, 10_000, 30_000, 100_000] {
        let nodes = pods / 20;
        let (file, made) = generate::into(folder.path(), nodes, pods)?;
        let run = |args: &[&str]| {
            let mut command = Command::new(&program);
            command.args(args).arg(&file);
            measure(command)
        };
        let read = median(3, || run(&["snapshot", "info", "--json"]))?;
        let all = median(3, || run(&["scan", "--quiet", "--snapshot"]))?;
        println!(
            "{pods:>7}  {nodes:>5}  {:>7}  {:>7.1}  {:>6.2}  {:>7.2}  {:>5.2}  {:>7.0}",
            made.objects,
            mb(fs::metadata(&file)?.len()),
            read.wall.as_secs_f64(),
            all.wall.saturating_sub(read.wall).as_secs_f64(),
            all.wall.as_secs_f64(),
            mb(all.memory)
        );
    }
    Ok(())
}

fn ours(program: &Path, paths: &[&Path]) -> Command {
    let mut command = Command::new(program);
    command.args(["scan", "--render", "never", "--format", "json"]).args(paths);
    command
}

pub(crate) fn release_binary() -> anyhow::Result<PathBuf> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--bin", "pavisade"])
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "the program does not build");
    Ok(root().join("target/release/pavisade"))
}

/// Runs a program, discards its output and records its memory.
pub(crate) fn measure(command: Command) -> anyhow::Result<Cost> {
    measure_into(command, Stdio::null())
}

/// The same with the output kept. Memory includes child processes.
pub(crate) fn measure_into(mut command: Command, output: Stdio) -> anyhow::Result<Cost> {
    let start = Instant::now();
    let mut child = command.stdout(output).stderr(Stdio::null()).spawn()?;
    let (mut memory, mut cpu) = (0, Duration::ZERO);
    let code = loop {
        memory = memory.max(memory_of(child.id()));
        cpu = cpu.max(cpu_of(child.id()));
        if let Some(code) = child.try_wait()? {
            break code.code();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    ensure!(code.is_some_and(|code| code != 2), "{command:?} ended with {code:?}");
    Ok(Cost { wall: start.elapsed(), cpu, memory })
}

/// Returns the CPU time of a process and its ended children (`proc(5)`: ticks of 10 ms).
pub(crate) fn cpu_of(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        behind_name.split_whitespace().skip(11).take(4).filter_map(|t| t.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Returns the resident bytes of a process and its descendants. For one without children it is the
/// high-water mark, so the last reading before the end is the peak.
pub(crate) fn memory_of(process: u32) -> u64 {
    let read = |process| fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let children = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let mut sum = 0;
    let (mut open, mut alone) = (Vec::new(), true);
    open.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    while let Some(child) = open.pop() {
        alone = false;
        sum += field(&read(child), "VmRSS:");
        let path = format!("/proc/{child}/task/{child}/children");
        let below = fs::read_to_string(path).unwrap_or_default();
        open.extend(below.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    sum + field(&read(process), if alone { "VmHWM:" } else { "VmRSS:" })
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn median(runs: usize, mut run: impl FnMut() -> anyhow::Result<Cost>) -> anyhow::Result<Cost> {
    let mut costs = (0..runs).map(|_| run()).collect::<anyhow::Result<Vec<_>>>()?;
    costs.sort_by_key(|cost| cost.wall);
    Ok(costs[runs / 2])
}

fn total_bytes(folder: &Path) -> anyhow::Result<u64> {
    let all = files(folder, &["yaml", "yml", "json"])?;
    all.iter().map(|file| Ok(fs::metadata(folder.join(file))?.len())).sum()
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Measures one ordinary Deployment through reader, snapshot and checks.
fn review() {
    const POD: &str = include_str!("bench/pod.yaml");
    const RUNS: u32 = 2_000;
    let wanted = |meta: &pavisade_model::Meta| meta.scope == Scope::Object;
    let Ok(checks) =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
    else {
        return;
    };
    let once = || {
        let source = Source::new("review", POD);
        let documents = read(&source);
        let objects = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let objects = objects.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
        let world = WorldParts::files("review", WorldKind::Files, objects);
        judge(&Snapshot::new(vec![world], Vec::new()), &checks, Timestamp::UNIX_EPOCH)
    };
    let findings = once().findings.len();
    let start = Instant::now();
    for _ in 0..RUNS {
        black_box(once());
    }
    println!(
        "one pod, {} checks of scope Object, {findings} findings: {:.0} µs a review, reading included",
        checks.metas().len(),
        (start.elapsed() / RUNS).as_secs_f64() * 1e6
    );
}
