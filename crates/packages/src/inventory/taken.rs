//! What was read of the files of a layer.

use crate::contents::{Contents, Problem};
use crate::{Distribution, Reader};

/// A file that was read.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) path: String,
    pub(super) what: What,
}

/// What was in it.
#[derive(Debug)]
pub(super) enum What {
    Packages(Reader, Contents),
    /// `os-release`.
    Distribution(Distribution),
    /// The files of a package of Debian.
    List(Vec<String>),
    /// The licences of a package of Debian.
    Licences(Vec<String>),
    /// Nothing, for a reason.
    Unread(Problem),
}
