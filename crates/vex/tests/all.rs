//! All integration tests of this crate in one binary, to link only once.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod decide;
mod products;
mod sources;
