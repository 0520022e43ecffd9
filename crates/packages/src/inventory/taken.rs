//! The results of reading the files of a layer.

use crate::contents::{Contents, Problem};
use crate::{Distribution, Reader};

/// A file that was read.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) path: String,
    pub(super) what: What,
}

/// The content of a file.
#[derive(Debug)]
pub(super) enum What {
    Packages(Reader, Contents),
    /// `os-release`.
    Distribution(Distribution),
    /// The file list of a Debian package.
    List(Vec<String>),
    /// The licences of a Debian package.
    Licences(Vec<String>),
    /// Why the file was not read.
    Unread(Problem),
}
