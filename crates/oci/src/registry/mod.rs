//! Images in registries (OCI distribution specification 1.1), read in place.
//!
//! [`Registries`] is the client for all registries of a run: it keeps connections, tokens and
//! credentials. A blob is a stream that resumes after a lost connection (`blob.rs`); nothing is
//! written to disk. `client.rs` handles redirects, retries and credentials itself: credentials are
//! sent only to their registry and to the token service that it names, and never follow a redirect
//! to another host. Plain HTTP is used only for registries that the user names.
//!
//! `attached.rs` finds what is attached to an image (signatures), and `push.rs` attaches to it;
//! nothing else is written.
//!
//! Out of scope: parsing references, environment variables, and listing the contents of a registry.

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

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The host and port as in references: `docker.io`, `localhost:5000`.
    pub registry: String,
    /// The repository: `library/nginx`.
    pub repository: String,
    /// The tag or digest.
    pub wanted: Wanted,
}

/// Selects an image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// By tag.
    Tag(String),
    /// By digest.
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

/// How to access registries.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Additional trusted certificate authorities (PEM).
    pub authorities: Vec<u8>,
    /// Registries to access over plain HTTP, as host and port.
    pub plain: BTreeSet<String>,
    /// Mirrors to pull from instead.
    pub mirrors: Vec<Mirror>,
    /// Where to look for credentials.
    pub credentials: CredentialFiles,
    /// Timeouts and retries.
    pub patience: Patience,
}

/// A mirror of a registry or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The prefix that is mirrored: `docker.io`, `quay.io/team`.
    pub from: String,
    /// The mirror: `mirror.example:5000/hub`.
    pub to: String,
}

/// Timeouts and retries.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The timeout for connecting.
    pub connect: Duration,
    /// The timeout for more bytes.
    pub idle: Duration,
    /// The number of attempts of a request; for a blob, of attempts without progress.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub backoff: Duration,
    /// The longest pause that a registry may ask for.
    pub longest: Duration,
    /// The fewest bytes within a period of `idle`.
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

/// The repository to request an image from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Endpoint {
    /// The host and port to connect to.
    host: String,
    /// The registry name for looking up credentials.
    key: String,
    repository: String,
    plain: bool,
    /// Whether to write, which needs another token.
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
        // The host of Docker Hub differs from its name in references.
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

    /// Returns the URL of a path in the repository, such as `manifests/latest`.
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

    /// Returns a manifest or an index and its digest, which is verified.
    ///
    /// # Errors
    /// The manifest is not available or larger than `limit` bytes.
    pub(crate) fn manifest(
        &self,
        wanted: &Wanted,
        limit: u64,
    ) -> Result<(Vec<u8>, Digest), Refusal> {
        self.registries.manifest(&self.endpoint, wanted, limit)
    }

    /// Returns the stream of a blob, and the slot for its fault.
    pub(crate) fn blob(&self, digest: &Digest, size: u64) -> (Blob, Slot) {
        let slot = Slot::default();
        let (registries, endpoint) = (self.registries.clone(), self.endpoint.clone());
        (Blob::new(registries, endpoint, digest.clone(), size, Arc::clone(&slot)), slot)
    }
}

/// Returns the fault of a failed stream, or else the given error.
pub(crate) fn failed(slot: &Slot, otherwise: Refusal) -> Refusal {
    let fault = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    fault.map_or(otherwise, Refusal::Registry)
}
