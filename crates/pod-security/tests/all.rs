//! All integration tests of this crate in one program, which saves linking time.

mod levels;
