//! All integration tests of this crate in one program, which saves linking time.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail like tests")]

mod common;

mod archives;
mod children;
mod elsewhere;
mod files;
mod hangs;
mod links;
mod outside;
mod render;
mod spellings;
