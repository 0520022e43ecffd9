//! A limit of bytes per second.

use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Makes readers wait so that together they read at most a number of bytes per second.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    /// When the bytes that were read so far are paid for.
    free: Mutex<Instant>,
}

impl Rate {
    /// Returns a limit in bytes per second.
    #[expect(clippy::disallowed_methods, reason = "a limit of speed needs the time")]
    pub fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1) as f64, free: Mutex::new(Instant::now()) }
    }

    /// Waits until so many bytes may have been read.
    #[expect(clippy::disallowed_methods, reason = "a limit of speed needs the time")]
    pub(crate) fn spend(&self, bytes: usize) {
        let now = Instant::now();
        let wait = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            *free = (*free).max(now) + Duration::from_secs_f64(bytes as f64 / self.per_second);
            free.saturating_duration_since(now)
        };
        // Short waits add up in `free`, and each sleep has a cost.
        if wait > Duration::from_millis(2) {
            sleep(wait);
        }
    }
}
