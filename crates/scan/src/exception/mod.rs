//! Exceptions: collected from the scanned input and applied to findings.
//!
//! An exception without a reason, an end date or a valid check is ignored, and a note reports it.

mod apply;
mod gather;
mod parse;

pub(crate) use apply::{Settled, settle};
