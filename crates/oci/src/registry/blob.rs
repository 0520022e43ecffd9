//! Streams a blob and resumes after a lost connection (RFC 9110, section 14).

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header;

use super::client::Registries;
use super::fault::{Cause, Fault, brief};
use super::pace::{Pace, now};
use super::{Endpoint, http};
use crate::Digest;

/// Holds the fault of a stream: decompression and archive readers discard the type of an error.
pub(crate) type Slot = Arc<Mutex<Option<Fault>>>;

/// The total time without new bytes of a blob, as a multiple of the longest wait.
const MOST_IDLE: u32 = 16;

/// The bytes of a blob, exactly as many as its descriptor says.
#[derive(Debug)]
pub(crate) struct Blob {
    registries: Registries,
    endpoint: Endpoint,
    digest: Digest,
    size: u64,
    /// The number of bytes returned.
    at: u64,
    open: Option<Response>,
    /// The number of attempts since the last one that made progress.
    attempts: u32,
    /// The number of bytes from the last attempt.
    brought: u64,
    /// The time without new bytes: requests, pauses and skipped data.
    idle: Duration,
    pace: Pace,
    slot: Slot,
}

impl Blob {
    pub(super) fn new(
        registries: Registries,
        endpoint: Endpoint,
        digest: Digest,
        size: u64,
        slot: Slot,
    ) -> Self {
        let (pace, idle) = (Pace::default(), Duration::ZERO);
        let (at, open, attempts, brought) = (0, None, 0, 0);
        Self { registries, endpoint, digest, size, at, open, attempts, brought, idle, pace, slot }
    }

    /// Requests the rest of the blob from `at`; `None` if the connection was lost while skipping.
    fn ask(&mut self) -> Result<Option<Response>, Fault> {
        let path = format!("blobs/{}", self.digest);
        let part = (self.at > 0).then(|| (self.at, self.size.saturating_sub(1)));
        let mut answer = self.registries.get(&self.endpoint, &path, &[], part)?;
        let host = http::host(answer.url());
        let wrong = |what: String| Fault::new(Cause::Answer, format!("{host} {what}"));
        let said = match answer.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = http::text(answer.headers(), header::CONTENT_RANGE);
                let (first, all) = range.and_then(content_range).unwrap_or((u64::MAX, None));
                if first != self.at {
                    return Err(wrong(format!(
                        "returned another part of {} than requested",
                        self.digest
                    )));
                }
                all
            }
            _ => http::text(answer.headers(), header::CONTENT_LENGTH).and_then(|n| n.parse().ok()),
        };
        if let Some(said) = said
            && said != self.size
        {
            return Err(wrong(format!(
                "has {said} bytes for {} instead of {}",
                self.digest, self.size
            )));
        }
        // A server without range support sends the whole blob.
        if self.at > 0 && answer.status() != StatusCode::PARTIAL_CONTENT {
            let (mut left, mut skipped) = (self.at, vec![0; 64 << 10]);
            while left > 0 {
                let read = self.pace.read(&mut (&mut answer).take(left), &mut skipped);
                match read {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => return self.cut(&answer, "the connection ended"),
                    Ok(count) => left -= count as u64,
                }
                self.keep_pace(&answer)?;
            }
        }
        Ok(Some(answer))
    }

    /// Reads bytes of the current response; `None` if a new request is needed.
    fn next(&mut self, into: &mut [u8]) -> Result<Option<usize>, Fault> {
        let mut answer = match self.open.take() {
            Some(answer) => answer,
            None => {
                let start = now();
                let asked = self.ask();
                self.idle += start.elapsed();
                match asked? {
                    Some(answer) => answer,
                    None => return Ok(None),
                }
            }
        };
        match self.pace.read(&mut answer, into) {
            Ok(0) => self.cut(&answer, "the connection ended"),
            Ok(count) => {
                let count = count as u64;
                if self.at + count > self.size {
                    let message = format!("{} has more than its {} bytes", self.digest, self.size);
                    return Err(Fault::new(Cause::Answer, message));
                }
                self.at += count;
                self.brought += count;
                self.keep_pace(&answer)?;
                self.open = Some(answer);
                Ok(Some(count as usize))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.open = Some(answer);
                Ok(None)
            }
            Err(error) => self.cut(&answer, &brief(&error.to_string())),
        }
    }

    fn keep_pace(&mut self, answer: &Response) -> Result<(), Fault> {
        let Some(what) = self.pace.too_slow(&self.registries.access().patience) else {
            return Ok(());
        };
        let message = format!("{} {what}", http::host(answer.url()));
        Err(Fault::new(Cause::Slow, message).remedy("try again later"))
    }

    /// Pauses before another attempt, or returns an error if there were too many. An attempt that
    /// gave only a few bytes counts as failed, and the total idle time is limited.
    fn cut<T>(&mut self, answer: &Response, why: &str) -> Result<Option<T>, Fault> {
        let patience = &self.registries.access().patience;
        self.attempts = if self.brought < patience.least { self.attempts + 1 } else { 1 };
        self.brought = 0;
        let is_idle = self.idle > patience.longest.saturating_mul(MOST_IDLE);
        if self.attempts >= patience.attempts || is_idle {
            let message = format!(
                "{} was incomplete after {} of {} bytes of {}: {why}",
                http::host(answer.url()),
                self.at,
                self.size,
                self.digest
            );
            return Err(Fault::new(Cause::Unreachable, message).remedy("try again later"));
        }
        let pause = self.registries.backoff(self.attempts);
        thread::sleep(pause);
        self.idle += pause;
        Ok(None)
    }
}

impl Read for Blob {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.at == self.size && self.open.is_none() {
            return Ok(0);
        }
        loop {
            let mut more = [0];
            // At the end, check whether there are excess bytes.
            let is_end = self.at == self.size;
            if is_end {
                let Some(mut answer) = self.open.take() else { return Ok(0) };
                if answer.read(&mut more).unwrap_or(0) == 0 {
                    return Ok(0);
                }
            }
            let read = match is_end {
                true => {
                    let message = format!("{} has more than its {} bytes", self.digest, self.size);
                    Err(Fault::new(Cause::Answer, message))
                }
                false => self.next(into),
            };
            match read {
                Ok(Some(count)) => return Ok(count),
                Ok(None) => {}
                Err(fault) => {
                    let error = io::Error::other(fault.message.clone());
                    *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                    return Err(error);
                }
            }
        }
    }
}

/// Returns the first byte and the total size in `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, all) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, all.trim().parse().ok()))
}
