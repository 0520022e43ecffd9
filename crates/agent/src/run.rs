//! `pavisade-agent run`: from the kernel's events to alerts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use pavisade_rules::{Exceptions, RuleSet, Scratch, day};
use pavisade_sensor::decode::{Kind, Raw};
use pavisade_sensor::{
    Counts, Denial, Host, Kernel, Progress, Quiet, States, Watch, judge, since_boot,
};
use serde_json::json;

use crate::args::{HostEvents, NodeArgs, RunArgs};
use crate::metrics::{self, Metrics};
use crate::outputs::{Limits, Output};
use crate::policies::Policies;
use crate::repeated::Repeated;
use crate::{alert, pods, rules};

/// How long to wait if no event is pending. The kernel does not wake the agent for each event.
const PAUSE: Duration = Duration::from_millis(20);

/// How often figures are updated, in nanoseconds.
const FIGURES: u64 = 100_000_000;

/// How often policies of ended containers are released, in nanoseconds.
const RELEASE: u64 = 60_000_000_000;

/// Within how many nanoseconds two clocks are read.
const CLOCKS: u64 = 1_000_000;

/// How many events are taken before anything else is done.
const BATCH: usize = 10_000;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let (set, exceptions) = rules::loaded(&args.rules, args.pods.pods)?;
    if set.rules().is_empty() && args.policies.is_empty() {
        bail!(
            "no enabled rule is about system calls, and no policy is given: nothing would be found"
        );
    }
    let mut kernel = Kernel::load(match args.host {
        HostEvents::Nothing => Host::Nothing,
        HostEvents::Processes => Host::Processes,
        HostEvents::All => Host::All,
    })?;
    kernel.observe(|call| rules::needs(&set, call.name))?;
    if rules::needs_names(&set) {
        kernel.observe_names()?;
    }
    // What only policies need is reported when a policy needs it.
    for tier in kernel.tiers().iter().filter(|tier| tier.observes) {
        if let Some(why) = &tier.missing {
            crate::say(&format!("not observed: {}: {why}", tier.gives));
        }
    }
    many_descriptors();
    let states = states(&args.node);
    if !states.exist() {
        crate::say(&format!(
            "no container runtime was found in {}: until one is found, alerts do not name pods",
            listed(states.folders())
        ));
    }
    let policies = Policies::load(args, &set, &states, &mut kernel)?;
    for rule in policies.accepted(&set, &exceptions) {
        crate::say(&format!(
            "rule {rule:?} has an exception: an alert that is accepted does not end its process"
        ));
    }
    let watch =
        Watch::start(node_name(&args.node), states, now()).context("looking for control groups")?;
    if args.pods.pods {
        pods::follow(&args.pods, &node_name(&args.node), watch.pods.clone())?;
    }
    let limits = Limits { bytes: args.outputs.file_size << 20, kept: args.outputs.files };
    let outputs = args.outputs.output.iter().map(|target| Output::start(target, limits));
    let outputs = outputs.collect::<anyhow::Result<Vec<_>>>()?;
    let dropped =
        outputs.iter().map(|output| (output.labels.clone(), output.dropped.clone())).collect();
    let metrics = Arc::new(Metrics { dropped, ..Metrics::default() });
    metrics.turn.store(metrics::seconds(), Ordering::Relaxed);
    if let Some(address) = args.metrics {
        metrics::serve(metrics.clone(), address)?;
    }
    let stop = stopped_by_signals()?;
    let rules = set.rules().len();
    crate::say(&format!("watching with {rules} {}", if rules == 1 { "rule" } else { "rules" }));
    let mut agent = Agent {
        exits: rules::needs(&set, "procexit"),
        set,
        exceptions,
        policies,
        watch,
        outputs,
        metrics,
        scratch: Scratch::default(),
        lost: Lost::default(),
        quiet: Quiet::default(),
        repeated: Repeated::default(),
    };
    let mut sweep = since_boot() + RELEASE;
    let mut figures = 0;
    let mut hooking = true;
    while !stop.load(Ordering::Relaxed) {
        let (before, now) = (since_boot(), now());
        // Otherwise this thread was interrupted between the clocks.
        if since_boot() - before < CLOCKS {
            agent.watch.set_clock(now, before);
        }
        for (group, container) in agent.watch.news() {
            // Without it the kernel reports more than is needed.
            if let Err(error) = kernel.classify(group, container.is_some()) {
                crate::say(&format!("control group {group} was not classified: {error}"));
            }
            if let Some(container) = container
                && let Err(error) =
                    agent.policies.register(&mut kernel, &agent.watch, group, &container)
            {
                crate::say(&format!("not enforced: {error:#}"));
            }
        }
        for opening in agent.quiet.news() {
            // It is reported again, which only costs time.
            let _ = kernel.silence(&opening);
        }
        if since_boot() >= sweep {
            agent.policies.release(&mut kernel, &agent.watch);
            sweep = since_boot() + RELEASE;
        }
        // Policies are enforced even if no output is left.
        if args.policies.is_empty()
            && !agent.outputs.is_empty()
            && agent.outputs.iter().all(Output::is_closed)
        {
            bail!("the agent ends, because standard output is closed and there is no other output");
        }
        if let Some(why) = kernel.stopped_listening() {
            bail!("the agent ends, because it can no longer deny programs by fanotify: {why}");
        }
        if hooking {
            hooking = is_hooking(&mut kernel);
        }
        if since_boot() >= figures {
            agent.figures(&kernel);
            check_hooks(&mut kernel);
            figures = since_boot() + FIGURES;
        }
        let mut some = false;
        for _ in 0..BATCH {
            if !kernel.next(|bytes| agent.take(bytes)) {
                break;
            }
            some = true;
        }
        // The programs of those processes are known now.
        for denial in kernel.denials(BATCH) {
            agent.denied(&denial);
            some = true;
        }
        if !some {
            std::thread::sleep(PAUSE);
        }
    }
    Output::finish(std::mem::take(&mut agent.outputs));
    let counts = kernel.counts();
    crate::say(&format!("stopped after {} events; {} were lost", counts.seen, counts.lost()));
    Ok(())
}

/// Hooks another function of a system call; false if nothing is left to be done.
fn is_hooking(kernel: &mut Kernel) -> bool {
    match kernel.hook_next() {
        Progress::More => return true,
        Progress::Done(0) => {}
        Progress::Done(functions) => crate::say(&format!(
            "system calls are observed at {functions} functions, and not at the exit of every call"
        )),
        Progress::GivenUp(why) => {
            crate::say(&format!("system calls are not observed at their functions: {why}"));
        }
    }
    false
}

fn check_hooks(kernel: &mut Kernel) {
    match kernel.check_hooks() {
        Ok(None) => {}
        Ok(Some(missed)) => crate::say(&format!(
            "system calls are observed at the exit of every call: {missed} were missed at their functions"
        )),
        Err(why) => crate::say(&format!("calls were missed at their functions, but {why}")),
    }
}

/// Everything between the kernel and the outputs.
struct Agent {
    set: RuleSet,
    exceptions: Exceptions,
    policies: Policies,
    /// Whether rules ask for the end of processes.
    exits: bool,
    watch: Watch,
    outputs: Vec<Output>,
    metrics: Arc<Metrics>,
    scratch: Scratch,
    lost: Lost,
    quiet: Quiet,
    repeated: Repeated,
}

impl Agent {
    fn take(&mut self, bytes: &[u8]) {
        let Ok(raw) = Raw::read(bytes) else {
            self.metrics.unread.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(seen) = self.watch.take(raw) else { return };
        if raw.kind == Kind::Fork || (raw.kind == Kind::Exit && !self.exits) {
            return;
        }
        if let Some((rule, line)) = self.policies.alert(&seen, self.lost.recently()) {
            send(&self.metrics, &self.outputs, &rule, &line);
        }
        self.quiet.take(&self.set, &seen);
        for found in judge(&self.set, &seen, &mut self.scratch) {
            let ended = match self.exceptions.of(found.rule, &seen) {
                Some(one) if one.until >= day(Timestamp::now()) => {
                    self.metrics.excepted.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                one => one.map(|one| one.until),
            };
            let mut line = alert::json(&found, &seen, self.lost.recently(), ended);
            if let Some((policy, ended)) = self.policies.end(found.rule, &seen) {
                line["pavisade"]["action"] = json!({"policy": policy, "process_ended": ended});
            }
            send(&self.metrics, &self.outputs, &found.rule.name, &line);
        }
    }

    fn denied(&mut self, denial: &Denial) {
        if self.repeated.is_known(denial) {
            self.metrics.repeated.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Some(seen) = self.watch.take(denial.raw()) else { return };
        if let Some((rule, line)) = self.policies.denied(denial, &seen, self.lost.recently()) {
            send(&self.metrics, &self.outputs, &rule, &line);
        }
    }

    fn figures(&mut self, kernel: &Kernel) {
        let counts: Counts = kernel.counts();
        self.metrics.unjudged.store(kernel.unjudged(), Ordering::Relaxed);
        self.lost.note(counts.lost() + self.watch.processes.refused);
        self.metrics.turn.store(metrics::seconds(), Ordering::Relaxed);
        self.metrics.lost_groups.store(self.watch.lost_groups, Ordering::Relaxed);
        self.metrics.processes.store(self.watch.processes.len() as u64, Ordering::Relaxed);
        if let Ok(mut all) = self.metrics.counts.lock() {
            *all = counts;
        }
    }
}

fn send(metrics: &Metrics, outputs: &[Output], rule: &str, alert: &serde_json::Value) {
    metrics.alert(rule);
    let line: Arc<str> = alert.to_string().into();
    outputs.iter().for_each(|output| output.send(&line));
}

/// How many events were lost in the last minute.
#[derive(Debug, Default)]
struct Lost {
    /// At most one a second.
    before: VecDeque<(Instant, u64)>,
    now: u64,
}

impl Lost {
    #[expect(clippy::disallowed_methods, reason = "a program reads the clock")]
    fn note(&mut self, total: u64) {
        let now = Instant::now();
        self.now = total;
        let last = self.before.back();
        if last.is_none_or(|(time, _)| now.duration_since(*time) >= Duration::from_secs(1)) {
            self.before.push_back((now, total));
        }
        // The oldest that is kept is from a minute ago.
        while self.before.len() > 61 {
            self.before.pop_front();
        }
    }

    fn recently(&self) -> u64 {
        self.before.front().map_or(0, |(_, before)| self.now.saturating_sub(*before))
    }
}

fn listed(folders: &[std::path::PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A container with a policy over connections takes four descriptors.
fn many_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer, policies of many containers are refused, which is said then.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn states(args: &NodeArgs) -> States {
    States::new(if args.state.is_empty() { States::defaults() } else { args.state.clone() })
}

fn node_name(args: &NodeArgs) -> String {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    args.node_name.clone().unwrap_or_else(|| host().trim().to_owned())
}

/// Nanoseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a program reads the clock")]
fn now() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0))
}

/// Becomes true on SIGTERM or SIGINT. Without a handler the first process of a container would
/// ignore both.
fn stopped_by_signals() -> anyhow::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()
        .context("starting a thread for signals")?;
    let stopped = stop.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopped.store(true, Ordering::Relaxed);
        });
    });
    Ok(stop)
}
