//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod controller;
mod engine;
mod generate;
mod second;
mod sets;
mod unknown;
