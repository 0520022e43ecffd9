//! Tests of the agent.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

mod deployed;
mod enforcement;
mod flood;
mod kernels;
mod layers;
mod pod;
mod started;
mod steps;
mod usage;
mod watchdog;
