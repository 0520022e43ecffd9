//! Tests of the agent.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

mod enforcement;
mod pod;
mod started;
