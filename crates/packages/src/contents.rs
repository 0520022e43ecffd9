//! What reading a file gives.

use crate::Package;

/// What a file gave.
#[derive(Debug, Default)]
pub struct Contents {
    /// Packages, in the file's order.
    pub packages: Vec<Package>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Something in a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` where it is about the whole file.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(line: u32, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}
