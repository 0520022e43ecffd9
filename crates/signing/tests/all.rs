//! Integration tests of `signing`, as one program.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod legacy;
mod mutations;
mod stored;
mod world;
