//! File integrity: what changed since a baseline, and was it expected?
//!
//! A [`Baseline`] is a signed, append-only list of versions: each version has a header (which node,
//! which paths, which hash) and entries, and names the digest of the one before it. [`read`] accepts
//! only bytes whose digests, chain and signature hold. [`compare`] takes what the baseline says and
//! what was seen ([`Entry`] both), and gives [`Change`]s and [`Doubt`]s: what could not be read is never
//! equal. [`explain`] adds why a change was expected, and on whose word: something signed or verified
//! elsewhere is a proof, and the records of the node itself are not, because root can change them.
//!
//! Out of scope: walking and hashing (`files`), keys in files, and text for users (`report`, `cli`).

mod baseline;
mod change;
mod compare;
mod entry;
mod explain;
mod path;
mod preset;
mod records;

pub use baseline::{
    Baseline, Bound, Draft, FORMAT, Header, MAX_BYTES, Node, Refused, Scope, Signed, Version, read,
    sign,
};
pub use change::{Aspect, Change, ChangeKind, Doubt};
pub use compare::{Compared, compare};
pub use entry::{Algorithm, Attributes, Certificate, Content, Digest, Entry, Kind, Time};
pub use explain::{
    Basis, Digests, Explained, Explanation, Facts, Need, Verdict, Versions, explain, needs,
    packages,
};
pub use path::{escaped, is_in, matches, unescaped};
pub use preset::{PRESETS, Preset};
pub use records::{PackageFile, Records, digest_list, dpkg_md5sums};
