//! All integration tests of this crate in one program: each program more is linked anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod decide;
mod products;
mod sources;
