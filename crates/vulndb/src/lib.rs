//! Vulnerabilities: version orders, an advisory database in one sorted file, and matching of
//! packages.
//!
//! [`Version`] implements the order of each ecosystem. A [`Builder`] creates a database from OSV
//! records, feeds of Debian and Alpine, and signals (EPSS, CISA's catalog, scores by CVE). A
//! [`Database`] reads it in place, and a [`Matcher`] determines which advisories apply to a package
//! version, and why.
//!
//! Out of scope: files, memory maps and downloads; how packages are found; text for users.

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
mod report;
mod score;
mod signals;
mod upgrade;
mod version;
mod words;
mod write;

pub use build::{Builder, Feed};
pub use database::{Database, FeedStatus, Newest};
pub use ecosystem::{Ecosystem, of_distribution, of_purl_type};
pub use explain::{Bound, Explained, Known, KnownRecord};
pub use format::DatabaseError;
pub use home::is_advisory_id;
pub use matching::{Answer, Hit, Matcher, Reason, Target, Undecided, Verdict};
pub use range::{Because, Until};
pub use report::{LeftOut, Report};
pub use score::severity;
pub use upgrade::Upgrade;
pub use version::{Order, Version, VersionError};
