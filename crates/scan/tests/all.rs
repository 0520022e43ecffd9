//! All integration tests of this crate in one program, which saves linking time.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod assess;
mod baseline;
mod changes;
mod coverage;
mod exceptions;
mod fingerprints;
mod fresh_cluster;
mod owner;
mod together;
