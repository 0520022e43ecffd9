//! Exceptions: those in what is judged are found, and all are applied.
//!
//! One without a reason, an end date or a check that exists does not count, and a note says so.

mod apply;
mod gather;
mod parse;

pub(crate) use apply::{Settled, settle};
