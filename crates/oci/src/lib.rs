//! Container images: OCI layouts, archives of `docker save` and the like, root file systems.
//!
//! An [`Image`] knows where its documents and layers are. [`Image::read`] streams each layer once,
//! in parallel, and checks its digests on the way; nothing is unpacked to disk, and memory does not
//! depend on the size of files. A [`LayerVisitor`] says which files it wants and gets their bytes;
//! the names of all files make a [`Tree`], which says what is left of them in the end.
//!
//! Whatever exceeds a limit or is not what it says it is, is a [`Refusal`] with the reason.
//!
//! Not here: what is in files (`packages`, `secrets`), registries (to come), text for users.

mod digest;
mod layer;
mod manifest;
mod store;
mod tree;

use std::io;

pub use digest::{Digest, DigestError};
pub use layer::{LayerRead, Limits, read_layer};
pub use manifest::{Configuration, Descriptor, Manifest, Platform, Start, Step};
pub use pavisade_model::{LayerFile, LayerVisitor};
pub use store::{Image, Store};
pub use tree::{FileId, Kind, Said, Tree};

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
    #[error("{what} is larger than {limit} bytes when it is unpacked")]
    TooLarge {
        /// The layer or document.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// It grows too much when it is unpacked.
    #[error("{0} becomes more than {1} times larger when it is unpacked")]
    Ratio(String, u64),
    /// More names than the limit.
    #[error("the image has more than {0} files")]
    TooManyNames(usize),
    /// More layers than the limit.
    #[error("the image has more than {0} layers")]
    TooManyLayers(usize),
    /// A whiteout that names nothing that can be removed.
    #[error("`{0}` is not a valid whiteout")]
    Whiteout(String),
    /// A hard link to what is not there, or to a folder.
    #[error("the hard link `{0}` leads to no file")]
    HardLink(String),
    /// Too many folders in one another.
    #[error("the path `{0}` is too deep")]
    TooDeep(String),
    /// Links that lead to links, too often.
    #[error("the path `{0}` leads through too many links")]
    TooManyLinks(String),
    /// A NUL in a path.
    #[error("the path `{0}` holds a NUL")]
    Nul(String),
}
