//! Baselines: a list of versions that only grows.
//!
//! Each version is a header, its entries and an end, one JSON document per line. The end has the
//! SHA-256 digest of the lines before it and a signature of that digest. The header of a later version
//! contains the digest of everything before it, so the signature of the newest version covers all of
//! them; its entries are only those that changed. A reader that is given the digest of the newest
//! version also refuses an older baseline that was once valid.

mod lines;
mod read;
mod write;

use pavisade_signing::PublicKey;

use crate::{Algorithm, Digest, Entry};

pub use read::read;
pub use write::{Draft, sign};

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The largest baseline in bytes.
pub const MAX_BYTES: u64 = 2 << 30;

/// The largest number of versions.
const MAX_VERSIONS: usize = 10_000;

/// The node that a baseline belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// The name of the node.
    pub name: String,
    /// `/etc/machine-id`; empty if the root has none.
    pub machine_id: String,
}

/// What is covered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The paths, also those that do not exist. A directory includes everything below it.
    pub paths: Vec<Box<[u8]>>,
    /// Paths that are left out, with everything below them. `*` matches within one name.
    pub exclude: Vec<Box<[u8]>>,
    /// Whether other file systems below the paths are left out.
    pub one_file_system: bool,
}

/// The header of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The number, from 1.
    pub version: u32,
    /// The node.
    pub node: Node,
    /// When it was made, as RFC 3339.
    pub made: String,
    /// The hash of contents.
    pub algorithm: Algorithm,
    /// What is covered.
    pub scope: Scope,
}

/// A version of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The header.
    pub header: Header,
    /// The digest of the header and the entries, which `expect` refers to.
    pub digest: Digest,
    /// The fingerprint of the key that claims to have signed it.
    pub key: Option<String>,
    /// The number of entries that it sets, and of paths that it removes.
    pub changed: (usize, usize),
    signature: Option<Vec<u8>>,
}

impl Version {
    /// Returns whether a key signed this version, and so all before it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = self.signature.as_deref();
        signature.is_some_and(|signature| key.verifies(&read::message(&self.digest), signature))
    }
}

/// A baseline that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// All versions, the newest last.
    pub versions: Vec<Version>,
    /// The entries of the newest version, sorted by path.
    pub entries: Vec<Entry>,
    /// What the next version refers to: the digest of the whole file.
    whole: Digest,
    signed: Signed,
}

/// Why a baseline was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// A given key signed the newest version.
    ByKey,
    /// Its digest is the given one.
    ByDigest,
    /// Nothing was required, as when it is only shown.
    NotVerified,
}

impl Baseline {
    /// Returns the newest version.
    pub fn newest(&self) -> &Version {
        // `read` accepts no file without a version.
        &self.versions[self.versions.len() - 1]
    }

    /// Returns the version before the newest.
    pub fn previous(&self) -> Option<&Version> {
        self.versions.len().checked_sub(2).and_then(|at| self.versions.get(at))
    }

    /// Returns why it was accepted.
    pub fn signed(&self) -> Signed {
        self.signed
    }
}

/// What a baseline must satisfy.
#[derive(Debug, Default)]
pub struct Bound {
    /// The keys, one of which must have signed the newest version.
    pub keys: Vec<PublicKey>,
    /// The digest of the newest version.
    pub expect: Option<Digest>,
    /// The node it must belong to.
    pub node: Option<Node>,
}

/// Why a baseline is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has no version.
    #[error("it is empty")]
    Empty,
    /// It is too large.
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// A line is not valid.
    #[error("line {line}: {why}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why it is not valid.
        why: String,
    },
    /// The last version is not complete.
    #[error("version {0} has no end: the file is cut off")]
    Cut(u32),
    /// Its digest differs from its content.
    #[error(
        "version {version} has the digest {found}, but its content has {actual}: it was changed"
    )]
    Digest {
        /// The version.
        version: u32,
        /// The digest in its end.
        found: String,
        /// The actual digest.
        actual: String,
    },
    /// A version does not follow the one before it.
    #[error(
        "version {0} does not follow the version before it: one was changed, removed or replaced"
    )]
    Chain(u32),
    /// It is not signed.
    #[error("version {0}, the newest, is not signed: sign it with `pavisade integrity sign`")]
    Unsigned(u32),
    /// No given key signed it.
    #[error("version {version} is signed by the key {found}, which is not one of the given keys")]
    Key {
        /// The version.
        version: u32,
        /// The fingerprint of the key that it names.
        found: String,
    },
    /// The signature is wrong.
    #[error("the signature of version {0} is wrong: it was changed, or another key made it")]
    Signature(u32),
    /// The digest is not the expected one.
    #[error("its newest version {version} has the digest {found}, but {expected} was expected{}", .hint)]
    Expected {
        /// The newest version.
        version: u32,
        /// Its digest.
        found: String,
        /// The expected digest.
        expected: String,
        /// What that may mean.
        hint: &'static str,
    },
    /// It belongs to another node.
    #[error("it belongs to the node {of}, but this is {here}")]
    Node {
        /// The node in the baseline.
        of: String,
        /// The node at hand.
        here: String,
    },
}
