//! What is no image: files in repositories of registries, and files of web servers.

use std::io::Read as _;
use std::thread;

use reqwest::Url;
use serde::Deserialize;

use super::client::Registries;
use super::fault::{Cause, Fault, brief};
use super::http::{self, Asked, Body};
use super::{Remote, Repository, failed};
use crate::digest::Checked;
use crate::{Digest, Refusal};

/// Bytes of a manifest.
const MAX_MANIFEST: u64 = 4 << 20;

#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    digest: String,
    size: u64,
}

impl Registries {
    /// The one file of an artifact, whose bytes are those of its digest.
    ///
    /// # Errors
    /// It is not to be had, is an image or another artifact of several files, or is larger than
    /// `limit` bytes.
    pub fn artifact(&self, remote: &Remote, limit: u64) -> Result<Vec<u8>, Refusal> {
        let repository = Repository::new(self, remote.clone());
        let (manifest, _) = repository.manifest(&remote.wanted, MAX_MANIFEST)?;
        let what = || format!("the manifest of {remote}");
        let parts = serde_json::from_slice::<Artifact>(&manifest).map(|artifact| artifact.layers);
        let digest = match parts.as_deref() {
            Ok([part]) => part.digest.parse::<Digest>().ok().map(|digest| (digest, part.size)),
            _ => None,
        };
        let Some((digest, size)) = digest else {
            let error = "it does not contain exactly one file".to_owned();
            return Err(Refusal::Document { what: what(), error });
        };
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

    /// The file at an address, `https` or one that [`super::Access`] allows without TLS.
    ///
    /// # Errors
    /// It is not to be had, or larger than `limit` bytes.
    pub fn download(&self, address: &str, limit: u64) -> Result<Vec<u8>, Refusal> {
        self.answer(address, &Asked::default(), limit)
    }

    /// What a service answers to something that is sent to it, under the same rules. It may be sent
    /// again after faults that pass.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or its answer is larger than `limit` bytes.
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
        let mut attempt = 1;
        loop {
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
                    let passes = status.as_u16() == 429 || status.is_server_error();
                    let cause = if passes { Cause::Busy } else { Cause::Absent };
                    let fault = Fault::new(cause, message);
                    if !passes {
                        return Err(fault.into());
                    }
                    fault
                }
                Err(failure) if failure.passes => failure.fault,
                Err(failure) => return Err(failure.fault.into()),
            };
            if attempt == attempts {
                return Err(fault.into());
            }
            thread::sleep(self.backoff(attempt));
            attempt += 1;
        }
    }
}
