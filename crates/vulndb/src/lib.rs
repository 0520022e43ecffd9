//! Vulnerabilities: orders of versions, advisories as one sorted file, and what they say of a
//! package.
//!
//! [`Version`] knows the order of each ecosystem. A [`Builder`] makes the bytes of a database from
//! OSV records, feeds of Debian and Alpine, and signals (EPSS, CISA's catalog, scores by CVE); [`Database`] reads such
//! bytes in place, and a [`Matcher`] says which advisories are about a package at a version, and
//! why.
//!
//! Not here: files, memory maps and downloads, packages and how they are found, text for users.

mod build;
mod database;
mod distro;
mod ecosystem;
mod explain;
mod format;
mod home;
mod matching;
mod osv;
mod range;
mod score;
mod signals;
mod upgrade;
mod version;
mod words;
mod write;

pub use build::{Builder, Feed, LeftOut, Report};
pub use database::{Database, FeedStatus, Newest};
pub use ecosystem::{Ecosystem, of_distribution, of_purl_type};
pub use explain::{Bound, Explained, Known, KnownRecord};
pub use format::DatabaseError;
pub use home::is_advisory_id;
pub use matching::{Answer, Hit, Matcher, Reason, Target, Undecided, Verdict};
pub use range::{Because, Until};
pub use score::severity;
pub use upgrade::Upgrade;
pub use version::{Order, Version, VersionError};
