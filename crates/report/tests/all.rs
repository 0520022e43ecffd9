//! All integration tests of this crate in one program, which saves linking time.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod facts;
mod json;
mod made;
mod wordless;
