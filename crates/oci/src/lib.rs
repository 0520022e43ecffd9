//! Container images from OCI layouts, `docker save` and similar archives, root file systems and
//! registries.
//!
//! A [`Store`] lists [`Candidate`]s, and an [`Image`] knows the location of its documents and
//! layers. [`Store::read_layers`] streams each layer once, in parallel, and verifies digests on the
//! way. No layer is unpacked to disk, and memory use does not depend on file sizes. A
//! [`LayerVisitor`] selects files and receives their bytes. The names of all files form a [`Tree`],
//! the resulting root file system.
//!
//! Anything that exceeds a limit or does not match its description is a [`Refusal`] with the
//! reason.
//!
//! Out of scope: the contents of files (`packages`, `secrets`), environment variables, and text for
//! users.

mod archive;
mod cache;
mod candidate;
mod digest;
mod document;
mod entries;
mod folder;
#[cfg(test)]
mod hostile;
mod inspect;
mod inventory;
mod layer;
mod manifest;
mod place;
mod platform;
mod read;
mod registry;
mod source;
mod store;
#[cfg(test)]
mod testing;
mod tree;
mod unpack;

use std::io;

pub use cache::LayerCache;
pub use candidate::Candidate;
pub use digest::{Digest, DigestError};
pub use entries::Budget;
pub use inventory::{inspect, inventory};
pub use layer::{LayerRead, Limits, read_layer};
pub use manifest::{Configuration, Descriptor, Manifest, Start, Step};
pub use pavisade_model::{FileId, LayerFile, LayerVisitor};
pub use platform::{Platform, PlatformError};
pub use read::Contents;
pub use registry::{
    Access, Attached, Attachment, Attachments, Cause, CredentialFiles, Fault, Mirror, Patience,
    Placed, Registries, Remote, Wanted,
};
pub use source::{is_image_or_root, source_tree};
pub use store::{Image, Layer, Store};
pub use tree::{Kind, Said, Tree};

/// Names of which a root file system has at least one at its top level.
const ROOTS: [&str; 5] = ["etc", "usr", "bin", "lib", "var"];

/// Why an image or a part of it was not read.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A file cannot be opened or read.
    #[error("{what}: {error}")]
    Io {
        /// The file or blob.
        what: String,
        /// The error.
        error: io::Error,
    },
    /// The input has no known image format.
    #[error("{0}")]
    NotAnImage(String),
    /// A document is not valid JSON of its type.
    #[error("{what} is not valid: {error}")]
    Document {
        /// The document.
        what: String,
        /// The error.
        error: String,
    },
    /// A blob is missing.
    #[error("the blob {0} is missing")]
    Missing(Digest),
    /// The digest of some bytes is wrong.
    #[error("{what} has the digest {found} instead of {wanted}")]
    Digest {
        /// The blob or layer.
        what: String,
        /// The expected digest.
        wanted: Digest,
        /// The actual digest.
        found: Digest,
    },
    /// The size of a blob differs from its descriptor.
    #[error("{what} has {found} bytes instead of {wanted}")]
    Size {
        /// The blob.
        what: String,
        /// The expected size in bytes.
        wanted: u64,
        /// The actual size in bytes.
        found: u64,
    },
    /// The archive of a layer is malformed.
    #[error("the archive of layer {layer} cannot be read after entry {entry}: {error}")]
    Archive {
        /// The index of the layer, from 0.
        layer: u16,
        /// The index of the entry, from 0.
        entry: u32,
        /// The error.
        error: io::Error,
    },
    /// The size exceeds the limit.
    #[error("{what} is larger than {limit} bytes uncompressed")]
    TooLarge {
        /// The layer or document.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The compression ratio exceeds the limit.
    #[error("{0} expands to more than {1} times its size")]
    Ratio(String, u64),
    /// There are more names than the limit.
    #[error("the image has more than {0} files")]
    TooManyNames(usize),
    /// The names have more bytes than the limit.
    #[error("the file names in the image have more than {0} bytes")]
    TooLongNames(usize),
    /// The compression is not one that images use.
    #[error("{what} is compressed with {compression}; images support gzip or zstd")]
    Compression {
        /// The layer or archive.
        what: String,
        /// The compression format.
        compression: &'static str,
    },
    /// No image exists for the platform.
    #[error("{what} has no image for {asked}, but for {}", .there.join(", "))]
    Platform {
        /// The store.
        what: String,
        /// The requested platform.
        asked: String,
        /// The platforms that have an image.
        there: Vec<String>,
    },
    /// There are more layers than the limit.
    #[error("the image has more than {0} layers")]
    TooManyLayers(usize),
    /// A whiteout has no valid target.
    #[error("`{0}` is not a valid whiteout")]
    Whiteout(String),
    /// A hard link points to a directory or to a file that does not exist.
    #[error("the hard link `{0}` has no target")]
    HardLink(String),
    /// Directories are nested too deeply.
    #[error("the path `{0}` is too deep")]
    TooDeep(String),
    /// A path goes through too many links.
    #[error("the path `{0}` has too many links")]
    TooManyLinks(String),
    /// The registry request failed.
    #[error(transparent)]
    Registry(#[from] Fault),
    /// A path contains a NUL byte.
    #[error("the path `{0}` contains a NUL")]
    Nul(String),
}
