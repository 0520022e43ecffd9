//! Progress on standard error, for work that takes longer than a second.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};
use pavisade_sources::Progress;

/// Shows how far reading is: on a terminal, and only after a second.
pub(crate) struct Spinner {
    bar: ProgressBar,
    shown: bool,
    started: Instant,
    done: AtomicUsize,
    expected: AtomicUsize,
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Spinner {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            shown: !quiet && std::io::stderr().is_terminal(),
            started: Instant::now(),
            done: AtomicUsize::new(0),
            expected: AtomicUsize::new(0),
        }
    }

    /// Takes the progress away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Spinner {
    fn stage(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    fn expect(&self, count: usize) {
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    fn file(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // A look at the clock and the terminal every now and then is enough.
        if !self.shown || !done.is_multiple_of(16) && done > 64 || self.started.elapsed() < PATIENCE
        {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_length(self.expected.load(Ordering::Relaxed).max(done) as u64);
        self.bar.set_position(done as u64);
    }
}
