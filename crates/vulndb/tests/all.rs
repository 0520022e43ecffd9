//! All integration tests of the crate, one program.

mod database;
mod matching;
mod orders;
