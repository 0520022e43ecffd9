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
    /// The name in metrics, without anything secret.
    fn name(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
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
    /// Its name.
    pub name: &'static str,
    /// How many alerts it did not take.
    pub dropped: Arc<AtomicU64>,
    queue: Option<SyncSender<Arc<str>>>,
    thread: Option<JoinHandle<()>>,
}

impl Output {
    /// Starts the thread of an output.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(crate) fn start(target: &Target, limits: Limits) -> anyhow::Result<Self> {
        let (queue, alerts) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        let thread = match target {
            Target::Stdout => std::thread::spawn(move || stdout(&alerts, &lost)),
            Target::File(path) => {
                let mut file = file::Rotated::open(path.clone(), limits)?;
                std::thread::spawn(move || {
                    for alert in alerts {
                        if let Err(error) = file.line(&alert) {
                            lost.fetch_add(1, Ordering::Relaxed);
                            crate::say(&format!("writing an alert: {error}"));
                        }
                    }
                })
            }
            Target::Webhook(address) => {
                let hook = webhook::Hook::new(address)?;
                std::thread::spawn(move || hook.serve(&alerts, &lost))
            }
        };
        Ok(Self { name: target.name(), dropped, queue: Some(queue), thread: Some(thread) })
    }

    /// Passes an alert on, or counts that it was not taken.
    pub(crate) fn send(&self, alert: &Arc<str>) {
        let sent = self.queue.as_ref().map(|queue| queue.try_send(alert.clone()));
        if !matches!(sent, Some(Ok(()))) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Output {
    /// Lets the thread finish what is queued.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn stdout(alerts: &Receiver<Arc<str>>, lost: &AtomicU64) {
    let mut out = std::io::stdout();
    for alert in alerts {
        if writeln!(out, "{alert}").and_then(|()| out.flush()).is_err() {
            lost.fetch_add(1, Ordering::Relaxed);
        }
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
        let output =
            Output { name: "test", dropped: dropped.clone(), queue: Some(queue), thread: None };
        let alert: Arc<str> = "{}".into();
        for _ in 0..3 {
            output.send(&alert);
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
        assert!(alerts.recv().is_ok());
    }
}
