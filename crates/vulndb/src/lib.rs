//! Vulnerabilities: orders of versions, advisories as one sorted file, and what they say of a
//! package.
//!
//! [`Version`] knows the order of each ecosystem.
//!
//! Not here: files, memory maps and downloads, packages and how they are found, text for users.

mod version;

pub use version::{Order, Version, VersionError};
