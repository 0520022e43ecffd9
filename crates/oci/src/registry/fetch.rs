//! Downloads other than images: artifacts in registries, and files from web servers.

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::client::{Registries, is_busy};
use super::fault::{Cause, Fault, brief};
use super::http::{self, Asked, Body};
use super::{Remote, Repository, failed};
use crate::Refusal;
use crate::digest::Checked;
use crate::document::{Document, parse};
use crate::manifest::{Descriptor, Index};

/// The largest manifest in bytes.
const MAX_MANIFEST: u64 = 4 << 20;

/// The layers of an artifact; other fields are ignored.
#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Descriptor>,
}

impl Document for Artifact {
    const FIELDS: &'static [&'static str] = Index::FIELDS;
}

impl Registries {
    /// Returns the single file of an artifact and verifies its digest.
    ///
    /// # Errors
    /// The artifact is not available, is an image, has several files, or is larger than `limit`
    /// bytes.
    pub fn artifact(&self, remote: &Remote, limit: u64) -> Result<Vec<u8>, Refusal> {
        let repository = Repository::new(self, remote.clone());
        let (manifest, _) = repository.manifest(&remote.wanted, MAX_MANIFEST)?;
        let what = || format!("the manifest of {remote}");
        let files = parse::<Artifact>(&manifest, &what()).map(|artifact| artifact.layers);
        let Some([Descriptor { digest, size, .. }]) = files.as_deref().ok() else {
            let error = "it does not contain exactly one file".to_owned();
            return Err(Refusal::Document { what: what(), error });
        };
        let (digest, size) = (digest.clone(), *size);
        if size > limit {
            return Err(Refusal::TooLarge { what: remote.to_string(), limit });
        }
        let (blob, slot) = repository.blob(&digest, size);
        let mut checked = Checked::new(blob, digest.clone());
        let mut bytes = Vec::new();
        let read = checked.read_to_end(&mut bytes);
        let read = read.and_then(|_| checked.verify());
        match read {
            Ok((_, Ok(()))) => Ok(bytes),
            Ok((_, Err(found))) => {
                Err(Refusal::Digest { what: remote.to_string(), wanted: digest, found })
            }
            Err(error) => Err(failed(&slot, Refusal::Io { what: remote.to_string(), error })),
        }
    }

    /// Downloads a file over `https`, or over `http` if [`super::Access`] allows it for the host.
    ///
    /// # Errors
    /// The file is not available or larger than `limit` bytes.
    pub fn download(&self, address: &str, limit: u64) -> Result<Vec<u8>, Refusal> {
        self.answer(address, &Asked::default(), limit)
    }

    /// Sends a POST request to a service under the same rules, and returns the response. The
    /// request may be repeated after transient faults.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or its response is larger than `limit` bytes.
    pub fn post(
        &self,
        address: &str,
        kind: &str,
        bytes: &[u8],
        limit: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let body = Some(Body { posts: true, kind, bytes });
        self.answer(address, &Asked { body, ..Asked::default() }, limit)
    }

    fn answer(&self, address: &str, asked: &Asked<'_>, limit: u64) -> Result<Vec<u8>, Refusal> {
        let url = Url::parse(address).map_err(|error| {
            Fault::new(Cause::Access, format!("`{}` is not a URL: {error}", brief(address)))
        })?;
        let (host, attempts) = (http::host(&url), self.access().patience.attempts);
        let (mut attempt, mut waited) = (1, Duration::ZERO);
        loop {
            let mut wait = self.backoff(attempt);
            let fault = match self.follow(&url, asked) {
                Ok((answer, _)) if answer.status().is_success() => {
                    match http::body(answer, limit, &self.access().patience) {
                        Ok(Some(bytes)) => return Ok(bytes),
                        Ok(None) => return Err(Refusal::TooLarge { what: brief(address), limit }),
                        Err(error) => {
                            let message = format!("the response of {host} is incomplete");
                            let message = format!("{message}: {}", brief(&error.to_string()));
                            Fault::new(Cause::Unreachable, message)
                        }
                    }
                }
                Ok((answer, _)) => {
                    let status = answer.status();
                    let message = format!("{host} returned {status} for {}", brief(url.path()));
                    let cause = if is_busy(status) { Cause::Busy } else { Cause::Absent };
                    let fault = Fault::new(cause, message);
                    match self.busy(&answer, attempt, waited) {
                        Some(asked) => wait = asked,
                        None => return Err(fault.into()),
                    }
                    fault
                }
                Err(failure) if failure.passes => failure.fault,
                Err(failure) => return Err(failure.fault.into()),
            };
            if attempt == attempts {
                return Err(fault.into());
            }
            thread::sleep(wait);
            waited += wait;
            attempt += 1;
        }
    }
}
