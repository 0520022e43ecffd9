//! The files of a node: walking, hashing and watching them.
//!
//! [`collect`] turns paths below a root into entries of `integrity`. It opens regular files only, never
//! follows a link that it did not resolve itself within the root, and reads a file again that changed
//! while it was read. What cannot be read is an entry or a gap with the reason. Only Linux is supported.
//!
//! Out of scope: what a difference means (`integrity`), signatures, and text for users.
#![cfg(target_os = "linux")]

mod attributes;
mod certificates;
mod context;
mod hash;
mod idle;
mod one;
mod packages;
mod rate;
mod resolve;
mod walk;
pub mod watch;

pub use certificates::{Proofs, proofs};
pub use context::Options;
pub use hash::{Hasher, hash_file};
pub use idle::be_idle;
pub use packages::records;
pub use rate::Rate;
pub use walk::{Collected, Unstored, collect, rehash};

use std::io;
use std::path::Path;

use pavisade_integrity::Node;

/// Returns the node that a root belongs to: the given name, else that of the host, and its machine id.
///
/// # Errors
/// `etc/machine-id` exists but cannot be read.
pub fn node(root: &Path, name: Option<&str>) -> io::Result<Node> {
    const MAX: u64 = 4096;
    let read = |path: &str| {
        let bytes = resolve::read_file(root, path, MAX)?.unwrap_or_default();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(_) => Err(io::Error::other(format!("{path} is not UTF-8"))),
        }
    };
    let name = match name {
        Some(name) => name.to_owned(),
        None => read("/etc/hostname")?,
    };
    let machine_id = read("/etc/machine-id")?;
    Ok(Node { name, machine_id })
}
