//! Enforces a minimum transfer rate, so that a server cannot stall the program with single bytes.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::Patience;

/// The bytes received and the time waited since the last measurement.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Reads and measures.
    ///
    /// # Errors
    /// Reading fails.
    pub(super) fn read(&mut self, from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
        let start = now();
        let read = from.read(into);
        self.waited += start.elapsed();
        self.bytes += *read.as_ref().unwrap_or(&0) as u64;
        read
    }

    /// Returns an error message if fewer bytes came than required.
    pub(super) fn too_slow(&mut self, patience: &Patience) -> Option<String> {
        if self.waited < patience.idle {
            return None;
        }
        if self.bytes < patience.least {
            return Some(format!("sent {} bytes in {} s", self.bytes, self.waited.as_secs()));
        }
        *self = Self::default();
        None
    }
}

#[expect(clippy::disallowed_methods, reason = "how fast a server is, which changes no verdict")]
pub(super) fn now() -> Instant {
    Instant::now()
}
