//! Where alerts go. Each output has a thread and a bounded queue: one that is slow or gone never
//! holds up the others or the sensor. What does not fit is counted.

mod file;
mod webhook;

use std::io::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How many alerts wait for an output.
const QUEUE: usize = 4096;

/// How many bytes they may have together.
const QUEUE_BYTES: u64 = 8 << 20;

/// How often, in steps of 20 ms, outputs are waited for at the end.
const LAST_STEPS: u32 = 100;

/// An output, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard output.
    Stdout,
    /// A file with a line for each alert.
    File(PathBuf),
    /// An address that gets each alert.
    Webhook(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("`-`, a file or an address is needed".to_owned()),
            "-" => Ok(Self::Stdout),
            text if text.starts_with("https://") || text.starts_with("http://") => {
                webhook::check(text)?;
                Ok(Self::Webhook(text.to_owned()))
            }
            text => Ok(Self::File(text.into())),
        }
    }
}

impl Target {
    /// The labels in metrics, without anything secret: the kind, and which of that kind.
    fn labels(&self) -> (&'static str, String) {
        match self {
            Self::Stdout => ("stdout", "-".to_owned()),
            Self::File(path) => ("file", path.display().to_string()),
            Self::Webhook(address) => {
                // A path may contain a token.
                let host = address.split_once("://").map_or(&**address, |(_, rest)| rest);
                let host = host.split(['/', '?', '#']).next().unwrap_or_default();
                ("webhook", host.to_owned())
            }
        }
    }
}

/// How much a file may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of one file.
    pub bytes: u64,
    /// How many older files are kept.
    pub kept: u32,
}

/// An output that runs.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its kind, and which of that kind.
    pub labels: (&'static str, String),
    /// How many alerts it did not take.
    pub dropped: Arc<AtomicU64>,
    queue: Option<SyncSender<Arc<str>>>,
    /// Bytes in the queue.
    waiting: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// The alerts that wait for an output.
struct Alerts {
    queue: Receiver<Arc<str>>,
    waiting: Arc<AtomicU64>,
}

impl Iterator for Alerts {
    type Item = Arc<str>;

    fn next(&mut self) -> Option<Arc<str>> {
        let alert = self.queue.recv().ok()?;
        self.waiting.fetch_sub(alert.len() as u64, Ordering::Relaxed);
        Some(alert)
    }
}

impl Output {
    /// Starts the thread of an output.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(crate) fn start(target: &Target, limits: Limits) -> anyhow::Result<Self> {
        let (queue, alerts) = sync_channel(QUEUE);
        let waiting = Arc::new(AtomicU64::new(0));
        let alerts = Alerts { queue: alerts, waiting: waiting.clone() };
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        let thread = match target {
            Target::Stdout => std::thread::spawn(move || stdout(alerts, &lost)),
            Target::File(path) => {
                let file = file::Rotated::open(path.clone(), limits)?;
                let place = path.display().to_string();
                std::thread::spawn(move || lines(alerts, file, &place, &lost))
            }
            Target::Webhook(address) => {
                let hook = webhook::Hook::new(address)?;
                std::thread::spawn(move || hook.serve(alerts, &lost))
            }
        };
        Ok(Self {
            labels: target.labels(),
            dropped,
            queue: Some(queue),
            waiting,
            thread: Some(thread),
        })
    }

    /// Passes an alert on, or counts that it was not taken.
    pub(crate) fn send(&self, alert: &Arc<str>) {
        let bytes = alert.len() as u64;
        // Counted first: the other side may take it at once.
        let fits = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= QUEUE_BYTES;
        let queue = self.queue.as_ref().filter(|_| fits);
        let sent = queue.map(|queue| queue.try_send(alert.clone()));
        if !matches!(sent, Some(Ok(()))) {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it takes no more alerts, because its reader is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Lets the threads finish what is queued, for two seconds together.
    pub(crate) fn finish(mut all: Vec<Self>) {
        all.iter_mut().for_each(|output| drop(output.queue.take()));
        let runs = |output: &Self| output.thread.as_ref().is_some_and(|one| !one.is_finished());
        for _ in 0..LAST_STEPS {
            if !all.iter().any(runs) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for output in all.iter().filter(|output| runs(output)) {
            crate::say(&format!("alerts were still waiting for the output {}", output.labels.0));
        }
    }
}

/// Writes alerts to standard output, until its reader closes it.
fn stdout(alerts: Alerts, lost: &AtomicU64) {
    let mut out = std::io::stdout();
    for alert in alerts {
        let Err(error) = writeln!(out, "{alert}").and_then(|()| out.flush()) else { continue };
        lost.fetch_add(1, Ordering::Relaxed);
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return crate::say("standard output was closed by its reader");
        }
    }
}

/// Writes alerts to a file. What prevents it is said once, until it works again.
fn lines(alerts: Alerts, mut file: file::Rotated, place: &str, lost: &AtomicU64) {
    let mut fails = false;
    for alert in alerts {
        let written = file.line(&alert);
        if let Err(error) = &written {
            lost.fetch_add(1, Ordering::Relaxed);
            if !fails {
                crate::say(&format!("alerts are not written to {place}: {error}"));
            }
        } else if fails {
            crate::say(&format!("alerts are written to {place} again"));
        }
        fails = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart() {
        assert_eq!("-".parse(), Ok(Target::Stdout));
        assert_eq!("/var/log/a.jsonl".parse(), Ok(Target::File("/var/log/a.jsonl".into())));
        let hook = "http://127.0.0.1:2801/";
        assert_eq!(hook.parse(), Ok(Target::Webhook(hook.to_owned())));
        // Alerts name files, users and commands: they do not go over a network in the clear.
        assert!("http://falcosidekick.example/".parse::<Target>().is_err());
        assert!("https://user:password@example/".parse::<Target>().is_err());
        assert!("".parse::<Target>().is_err());
    }

    #[test]
    fn an_output_that_is_slow_loses_and_counts() {
        let (queue, alerts) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let waiting = Arc::new(AtomicU64::new(0));
        let output = Output {
            labels: ("test", String::new()),
            dropped: dropped.clone(),
            queue: Some(queue),
            waiting: waiting.clone(),
            thread: None,
        };
        let alert: Arc<str> = "{}".into();
        for _ in 0..3 {
            output.send(&alert);
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
        let mut alerts = Alerts { queue: alerts, waiting: waiting.clone() };
        assert_eq!(waiting.load(Ordering::Relaxed), 2);
        assert!(alerts.next().is_some());
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        // One that is larger than all that may wait.
        output.send(&"x".repeat(9 << 20).into());
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_output_that_hangs_does_not_hold_up_the_end() {
        let (queue, alerts) = sync_channel::<Arc<str>>(1);
        let (hold, held) = sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let _ = (held.recv(), alerts);
        });
        let output = Output {
            labels: ("test", String::new()),
            dropped: Arc::default(),
            queue: Some(queue),
            waiting: Arc::default(),
            thread: Some(thread),
        };
        Output::finish(vec![output]);
        drop(hold);
    }
}
