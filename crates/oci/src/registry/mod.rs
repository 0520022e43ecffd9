//! Images in registries (OCI distribution specification 1.1), read where they are.
//!
//! [`Registries`] speaks to all registries of a run: it keeps connections, tokens and what the
//! files of credentials say. A blob is a stream that goes on where its connection was cut
//! (`blob.rs`); nothing is written to disk. Redirects, retries and credentials are our own
//! (`client.rs`): credentials leave for the registry that they are for and for the token service
//! that it names, and follow no redirect to another host. HTTP without TLS is spoken to those
//! registries alone that the user names.
//!
//! `attached.rs` finds what is attached to an image (signatures), and `push.rs` attaches it: nothing
//! else is written.
//!
//! Not here: what references mean, what the environment says, and lists of what a registry holds.

mod attached;
mod auth;
mod blob;
mod challenge;
mod client;
mod credentials;
mod fault;
mod fetch;
mod helper;
mod http;
mod pace;
mod push;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::Url;

pub(crate) use attached::is_signature;
pub use attached::{Attached, Attachments};
pub(crate) use blob::{Blob, Slot};
pub use client::Registries;
pub use credentials::CredentialFiles;
pub use fault::{Cause, Fault};
pub use push::{Attachment, Placed};

use crate::{Digest, Refusal};

/// An image of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Host and port as references name them: `docker.io`, `localhost:5000`.
    pub registry: String,
    /// The repository in it: `library/nginx`.
    pub repository: String,
    /// Which of its images.
    pub wanted: Wanted,
}

/// An image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What a tag leads to.
    Tag(String),
    /// The one with this digest.
    Digest(Digest),
}

impl From<Digest> for Wanted {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, repository, wanted } = self;
        match wanted {
            Wanted::Tag(tag) => write!(f, "{registry}/{repository}:{tag}"),
            Wanted::Digest(digest) => write!(f, "{registry}/{repository}@{digest}"),
        }
    }
}

/// How registries are spoken to.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Certificate authorities (PEM) that are trusted besides those of the system.
    pub authorities: Vec<u8>,
    /// Registries that are spoken to by HTTP without TLS: host and port.
    pub plain: BTreeSet<String>,
    /// Where images are taken from instead.
    pub mirrors: Vec<Mirror>,
    /// Where credentials are.
    pub credentials: CredentialFiles,
    /// How long is waited.
    pub patience: Patience,
}

/// A registry, or a part of one, whose images are taken from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// `docker.io`, `quay.io/team`.
    pub from: String,
    /// `mirror.example:5000/hub`.
    pub to: String,
}

/// How long registries are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// Attempts of one request; of a blob, those that brought nothing.
    pub attempts: u32,
    /// Before the second attempt; each further one waits twice as long.
    pub backoff: Duration,
    /// The longest that a registry may ask us to wait.
    pub longest: Duration,
    /// The fewest bytes in a time as long as `idle`.
    pub least: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            attempts: 5,
            backoff: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            least: 30 << 10,
        }
    }
}

/// Where an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Endpoint {
    /// Host and port that are connected to.
    host: String,
    /// What credentials are stored for.
    key: String,
    repository: String,
    plain: bool,
    /// Whether something is written there, for which another token is needed.
    writes: bool,
}

impl Endpoint {
    fn of(remote: &Remote, access: &Access) -> Self {
        let whole = format!("{}/{}", remote.registry, remote.repository);
        let fits = |mirror: &&Mirror| {
            let rest = whole.strip_prefix(&*mirror.from);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mirror = access.mirrors.iter().filter(fits).max_by_key(|mirror| mirror.from.len());
        let whole = match mirror {
            Some(mirror) => format!("{}{}", mirror.to, &whole[mirror.from.len()..]),
            None => whole,
        };
        let (key, repository) = whole.split_once('/').unwrap_or((&whole, ""));
        // Docker Hub's registry has another name than references give it.
        let host = if key == "docker.io" { "registry-1.docker.io" } else { key };
        Self {
            host: host.to_owned(),
            key: key.to_owned(),
            repository: repository.to_owned(),
            plain: access.plain.contains(key),
            writes: false,
        }
    }

    fn address(&self, rest: &str) -> Result<Url, Fault> {
        let url = self.url(rest);
        Url::parse(&url).map_err(|error| {
            let message = format!("`{}` is not an address: {error}", fault::brief(&url));
            Fault::new(Cause::Access, message)
        })
    }

    /// The address of something in the repository: `manifests/latest`.
    fn url(&self, rest: &str) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{rest}", self.host, self.repository)
    }
}

/// A repository of a registry.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    registries: Registries,
    endpoint: Endpoint,
    pub(crate) remote: Remote,
}

impl Repository {
    pub(crate) fn new(registries: &Registries, remote: Remote) -> Self {
        let endpoint = Endpoint::of(&remote, registries.access());
        Self { registries: registries.clone(), endpoint, remote }
    }

    /// A manifest or an index: its bytes, which are those of its digest.
    ///
    /// # Errors
    /// It is not to be had, or larger than `limit`.
    pub(crate) fn manifest(
        &self,
        wanted: &Wanted,
        limit: u64,
    ) -> Result<(Vec<u8>, Digest), Refusal> {
        self.registries.manifest(&self.endpoint, wanted, limit)
    }

    /// The stream of a blob, and where it tells what went wrong.
    pub(crate) fn blob(&self, digest: &Digest, size: u64) -> (Blob, Slot) {
        let slot = Slot::default();
        let (registries, endpoint) = (self.registries.clone(), self.endpoint.clone());
        (Blob::new(registries, endpoint, digest.clone(), size, Arc::clone(&slot)), slot)
    }
}

/// What a registry said of a stream that failed, else what came of it.
pub(crate) fn failed(slot: &Slot, otherwise: Refusal) -> Refusal {
    let fault = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    fault.map_or(otherwise, Refusal::Registry)
}
