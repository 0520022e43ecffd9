//! `pavisade-agent run`: from the kernel's events to alerts.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use pavisade_rules::Scratch;
use pavisade_sensor::decode::{Kind, Raw};
use pavisade_sensor::{Host, Kernel, States, Watch, judge};

use crate::args::{HostEvents, NodeArgs, RunArgs};
use crate::{alert, rules};

/// How long to wait when there is no event. The kernel does not wake us for each.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let set = rules::loaded(&args.rules)?;
    let mut kernel = Kernel::load(match args.host {
        HostEvents::Nothing => Host::Nothing,
        HostEvents::Processes => Host::Processes,
        HostEvents::All => Host::All,
    })?;
    kernel.observe(|call| rules::needs(&set, call.name))?;
    for tier in kernel.tiers() {
        if let Some(why) = &tier.missing {
            crate::say(&format!("not observed: {}: {why}", tier.gives));
        }
    }
    let mut watch = Watch::start(node_name(&args.node), states(&args.node), now())
        .context("looking for control groups")?;
    crate::say(&format!("watching with {} rules", set.rules().len()));
    let stop = stopped_by_signals()?;
    let mut scratch = Scratch::default();
    let mut out = std::io::stdout().lock();
    let exits = rules::needs(&set, "procexit");
    while !stop.load(Ordering::Relaxed) {
        for (group, container) in watch.news() {
            kernel.classify(group, container.is_some())?;
        }
        let lost = kernel.counts().lost();
        let mut written = Ok(());
        let mut some = false;
        for _ in 0..10_000 {
            let next = kernel.next(|bytes| {
                let Ok(raw) = Raw::read(bytes) else { return };
                let Some(seen) = watch.take(raw) else { return };
                if matches!(raw.kind, Kind::Fork) || (raw.kind == Kind::Exit && !exits) {
                    return;
                }
                for found in judge(&set, &seen, &mut scratch) {
                    let line = alert::json(&found, &seen, lost);
                    written = writeln!(out, "{line}");
                }
            });
            if !next || written.is_err() {
                break;
            }
            some = true;
        }
        written.context("writing an alert")?;
        if !some {
            std::thread::sleep(PAUSE);
        }
    }
    let counts = kernel.counts();
    crate::say(&format!("stopped after {} events; {} were lost", counts.seen, counts.lost()));
    Ok(())
}

fn states(args: &NodeArgs) -> States {
    let defaults = || pavisade_sensor::STATES.iter().map(Into::into).collect();
    States::new(if args.state.is_empty() { defaults() } else { args.state.clone() })
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
