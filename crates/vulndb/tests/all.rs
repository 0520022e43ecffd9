//! All integration tests of the crate, one program.

mod orders;
