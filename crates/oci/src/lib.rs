//! Container images: OCI layouts, archives of `docker save` and the like, root file systems,
//! registries.
//!
//! A [`Store`] names [`Candidate`]s, and an [`Image`] knows where its documents and layers are.
//! [`Store::read_layers`] streams each layer once, in parallel, and checks its digests on the way;
//! no layer is unpacked to disk, and memory does not depend on the size of files. A
//! [`LayerVisitor`] says which files it wants and gets their bytes; the names of all files make a
//! [`Tree`], which says what is left of them in the end.
//!
//! Whatever exceeds a limit or is not what it says it is, is a [`Refusal`] with the reason.
//!
//! Not here: what is in files (`packages`, `secrets`), what the environment says, text for users.

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

/// Names of which a root file system has at least one at its top.
const ROOTS: [&str; 5] = ["etc", "usr", "bin", "lib", "var"];

/// Why an image, or a part of it, is not read.
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
    /// It is none of the forms of an image.
    #[error("{0}")]
    NotAnImage(String),
    /// A document is not JSON of its form.
    #[error("{what} is not valid: {error}")]
    Document {
        /// The document.
        what: String,
        /// What is wrong.
        error: String,
    },
    /// A blob is not there.
    #[error("the blob {0} is missing")]
    Missing(Digest),
    /// Bytes are not those that the digest names.
    #[error("{what} has the digest {found} instead of {wanted}")]
    Digest {
        /// The blob or layer.
        what: String,
        /// What it should have.
        wanted: Digest,
        /// What it has.
        found: Digest,
    },
    /// A blob has another size than its descriptor says.
    #[error("{what} has {found} bytes instead of {wanted}")]
    Size {
        /// The blob.
        what: String,
        /// What it should have.
        wanted: u64,
        /// What it has.
        found: u64,
    },
    /// A layer's archive is broken.
    #[error("the archive of layer {layer} cannot be read after entry {entry}: {error}")]
    Archive {
        /// The layer, from 0.
        layer: u16,
        /// The entry, from 0.
        entry: u32,
        /// What is wrong.
        error: io::Error,
    },
    /// More bytes than the limit.
    #[error("{what} is larger than {limit} bytes uncompressed")]
    TooLarge {
        /// The layer or document.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// It grows too much when it is unpacked.
    #[error("{0} expands to more than {1} times its size")]
    Ratio(String, u64),
    /// More names than the limit.
    #[error("the image has more than {0} files")]
    TooManyNames(usize),
    /// More bytes in names than the limit.
    #[error("the file names in the image have more than {0} bytes")]
    TooLongNames(usize),
    /// No form of compression that images have.
    #[error("{what} is compressed with {compression}; images support gzip or zstd")]
    Compression {
        /// The layer or archive.
        what: String,
        /// The form.
        compression: &'static str,
    },
    /// There is no image for the machine.
    #[error("{what} has no image for {asked}, but for {}", .there.join(", "))]
    Platform {
        /// Where images are.
        what: String,
        /// The machine.
        asked: String,
        /// Machines that there are images for.
        there: Vec<String>,
    },
    /// More layers than the limit.
    #[error("the image has more than {0} layers")]
    TooManyLayers(usize),
    /// A whiteout that names nothing that can be removed.
    #[error("`{0}` is not a valid whiteout")]
    Whiteout(String),
    /// A hard link to what is not there, or to a folder.
    #[error("the hard link `{0}` has no target")]
    HardLink(String),
    /// Too many folders in one another.
    #[error("the path `{0}` is too deep")]
    TooDeep(String),
    /// Links that lead to links, too often.
    #[error("the path `{0}` has too many links")]
    TooManyLinks(String),
    /// A registry did not give it.
    #[error(transparent)]
    Registry(#[from] Fault),
    /// A NUL in a path.
    #[error("the path `{0}` contains a NUL")]
    Nul(String),
}
