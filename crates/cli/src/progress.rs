//! Shows progress on standard error for work that takes longer than a second.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pavisade_sources::Progress;

/// A spinner, shown only on a terminal and after a second.
pub(crate) struct Spinner {
    bar: ProgressBar,
    done: AtomicUsize,
    expected: AtomicUsize,
    paused: Arc<AtomicBool>,
    /// Shows the spinner after a delay, unless the sender is dropped first.
    patience: Option<(Sender<()>, JoinHandle<()>)>,
}

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

impl Spinner {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::hidden().with_message("Reading");
        let paused = Arc::new(AtomicBool::new(false));
        let patience = (!quiet && std::io::stderr().is_terminal()).then(|| {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            let (sender, receiver) = channel::<()>();
            let (bar, paused) = (bar.clone(), paused.clone());
            let show = move || {
                while receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    if !paused.load(Ordering::Relaxed) {
                        bar.set_draw_target(ProgressDrawTarget::stderr());
                        bar.enable_steady_tick(TICK);
                        return;
                    }
                }
            };
            (sender, spawn(show))
        });
        let (done, expected) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { bar, done, expected, paused, patience }
    }

    /// Shows that everything is read.
    pub(crate) fn judging(&self, objects: usize) {
        self.bar.set_message(format!("Checking {} objects", HumanCount(objects as u64)));
    }

    /// Removes the spinner.
    pub(crate) fn finish(self) {
        if let Some((sender, thread)) = self.patience {
            drop(sender);
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Progress for Spinner {
    fn stage(&self, text: &str) {
        self.bar.set_message(pavisade_report::one_line(text));
    }

    fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
        // Hide it if it is already visible.
        if paused {
            self.bar.disable_steady_tick();
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    fn expect(&self, count: usize) {
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    fn file(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // Update rarely: there may be a million files.
        if self.patience.is_none() || !done.is_multiple_of(16) && done > 64 {
            return;
        }
        let all = self.expected.load(Ordering::Relaxed).max(done);
        let (done, all) = (HumanCount(done as u64), HumanCount(all as u64));
        self.bar.set_message(format!("Reading: {done} of {all}"));
    }
}
